"""From a request to the transformed image: what all transformations do alike."""

import asyncio
import hashlib
from collections.abc import Coroutine, Mapping
from types import MappingProxyType
from typing import Any, TypeVar
from urllib.parse import quote

from fastapi import Request, Response

from service import problems
from service.http.negotiation import accepted_format, wait_seconds
from service.images.codec import MEDIA_TYPES
from service.models.catalog import Model
from service.observability.metrics import Metrics
from service.routes import upload
from service.routes.parameters import Output
from service.serving.pipeline import Answer, Job, Pipeline

T = TypeVar("T")

DOCUMENTED: dict[str, Any] = {
    "response_class": Response,
    "openapi_extra": {"requestBody": upload.REQUEST_BODY},
    "responses": {
        200: {
            "description": "The transformed image",
            "content": {
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in MEDIA_TYPES.values()
            },
        },
        304: {"description": "The client has this very answer already (If-None-Match)"},
        **problems.documented(
            problems.MalformedRequest,
            problems.Unauthorized,
            problems.UnknownModel,
            problems.SlowBody,
            problems.BodyTooLarge,
            problems.UnsupportedImage,
            problems.BrokenImage,
            problems.ImageSizeOutOfRange,
            problems.QueueFull,
            problems.DeadlineUnreachable,
            problems.LimitExceeded,
            problems.NotReady,
            problems.OutOfMemory,
            problems.TooManyBodies,
            problems.DeadlinePassed,
        ),
    },
}
"""What FastAPI needs to know of a route that ends in ``transformed``."""


async def transformed(
    request: Request,
    model: Model,
    output: Output,
    inputs: Mapping[str, float] = MappingProxyType({}),
    max_side: int | None = None,
) -> Response:
    """Read the image, run it through the model and answer it with all headers."""
    answering = _transformed(request, model, output, inputs, max_side)
    return await counted(request, model, answering)


async def counted(request: Request, model: Model, answering: Coroutine[Any, Any, T]) -> T:
    """The answer, while the metrics learn of the model, and of the problem where there is one."""
    request.state.model = model.name
    try:
        return await answering
    except problems.Problem as problem:
        metrics: Metrics = request.app.state.pipeline.metrics
        metrics.refusals.labels(model.name, problem.reason).inc()
        raise


async def _transformed(
    request: Request,
    model: Model,
    output: Output,
    inputs: Mapping[str, float],
    max_side: int | None,
) -> Response:
    pipeline: Pipeline = request.app.state.pipeline
    wait = wait_seconds(request.headers.get("prefer"))
    deadline = None if wait is None else asyncio.get_running_loop().time() + wait
    known_tags = _listed_tags(request.headers.get("if-none-match", ""))
    if not known_tags:  # else the answer may be 304, which takes no place in the queue
        pipeline.scheduler.admit(deadline)

    body = await upload.read_image(request)
    headers = {**identity(pipeline, model, wait), "Vary": "Accept"}
    format = output.format or accepted_format(request.headers.get("accept"))
    asked = (model.digest, sorted(inputs.items()), max_side, format, output.quality)
    headers["ETag"] = _entity_tag(body, repr(asked))
    if headers["ETag"] in known_tags:
        return Response(status_code=304, headers=headers)

    client = getattr(request.state, "client", None)  # where keys are asked for
    job = Job(model, body, inputs, max_side, format, output.quality, deadline, client)
    answer = await unless_client_leaves(request, pipeline.transform(job))
    headers |= course(answer)
    file = answer.content
    headers["Content-Disposition"] = f'inline; filename="{quote(model.name)}.{file.format}"'
    return Response(file.body, media_type=MEDIA_TYPES[file.format], headers=headers)


def identity(pipeline: Pipeline, model: Model, wait: float | None) -> dict[str, str]:
    """Headers that say what makes the answer; ``wait`` are the seconds that the client gives."""
    headers = {
        "X-Model": model.name,
        "X-Model-Digest": f"sha256:{model.digest}",
        "X-Execution-Provider": pipeline.runtime.provider,
    }
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait:g}"
    return headers


def course(answer: Answer[Any]) -> dict[str, str]:
    """Headers that say how the answer came about."""
    return {"X-Batch-Size": str(answer.batch_size), "Server-Timing": _server_timing(answer)}


def _entity_tag(body: bytes, asked: str) -> str:
    """Weak: batches of other sizes and other processors may differ by one level of 255."""
    sha = hashlib.sha256(asked.encode())
    sha.update(body)
    return f'W/"{sha.hexdigest()[:32]}"'


def _listed_tags(if_none_match: str) -> set[str]:
    return {tag.strip() for tag in if_none_match.split(",")} - {""}


def _server_timing(answer: Answer[Any]) -> str:
    """https://www.w3.org/TR/server-timing/, in milliseconds."""
    return ", ".join(f"{stage};dur={1000 * s:.1f}" for stage, s in answer.durations.items())


async def unless_client_leaves(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Cancels ``work`` and raises ClientLeft when the connection closes before it is done."""
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise problems.ClientLeft("The client closed the connection.")
        return working.result()
    finally:
        working.cancel()
        leaving.cancel()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
