"""From a request to the answer of a model: what all transformations have in common."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from fastapi import Request, Response

from service import problems
from service.auth.keys import Client
from service.http.negotiation import accepted_format, wait_seconds
from service.http.problem_details import documented
from service.images.formats import MEDIA_TYPES
from service.models.catalog import Model
from service.observability.metrics import Metrics
from service.routes import upload
from service.serving.image_job import ImageJob
from service.serving.jobs import Answer
from service.serving.operation import Operation
from service.serving.pipeline import Pipeline

T = TypeVar("T")

MODEL_PROBLEMS = (
    problems.MalformedRequest,
    problems.Unauthorized,
    problems.UnknownModel,
    problems.SlowBody,
    problems.BodyTooLarge,
    problems.ImageSizeOutOfRange,
    problems.QueueFull,
    problems.DeadlineUnreachable,
    problems.LimitExceeded,
    problems.NotReady,
    problems.OutOfMemory,
    problems.TooManyBodies,
    problems.DeadlinePassed,
)
"""What any request that runs a model may be refused with."""

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
        **documented(*MODEL_PROBLEMS, problems.UnsupportedImage, problems.BrokenImage),
    },
}
"""OpenAPI's description of a route that ends in ``transformed``."""


async def transformed(
    request: Request,
    pipeline: Pipeline,
    client: Client | None,
    operation: Operation,
) -> Response:
    """Read the image, run it through the model and answer it with all headers."""
    wait = wait_seconds(request.headers.get("prefer"))
    deadline = deadline_after(wait)
    known_tags = _listed_tags(request.headers.get("if-none-match", ""))
    if not known_tags:  # else the answer may be 304, which needs no place in the queue
        pipeline.scheduler.check_admission(deadline)

    body = await upload.read_image(request)
    operation = operation.answered_in(accepted_format(request.headers.get("accept")))
    tag = _entity_tag(operation.fingerprint(body))
    headers = {
        **model_headers(pipeline, operation.name, operation.model, wait),
        "Vary": "Accept",
        "ETag": tag,
    }
    if tag in known_tags:
        return Response(status_code=304, headers=headers)

    job = ImageJob(operation, body, pipeline.settings, deadline, client)
    answer = await unless_client_leaves(request, pipeline.run(job))
    file = answer.content
    headers |= timing_headers(answer)
    headers["Content-Disposition"] = f'inline; filename="{quote(operation.name)}.{file.format}"'
    return Response(file.body, media_type=MEDIA_TYPES[file.format], headers=headers)


@contextmanager
def count_refusals(request: Request, metrics: Metrics, name: str) -> Iterator[None]:
    """Counts the Problem that the request is refused with; its log line gets the name too.

    It is that of the style or model that was asked for, and found in the store.
    """
    request.state.model = name
    try:
        yield
    except problems.Problem as problem:
        metrics.refusals.labels(name, problem.reason).inc()
        raise


def deadline_after(wait: float | None) -> float | None:
    """The deadline of a client that waits so many seconds, in the event loop's time."""
    return None if wait is None else asyncio.get_running_loop().time() + wait


def model_headers(
    pipeline: Pipeline, name: str, model: Model, wait: float | None
) -> dict[str, str]:
    """What was asked for by name, the network's digest and execution provider, and the wait."""
    headers = {
        "X-Model": name,
        "X-Model-Digest": f"sha256:{model.digest}",
        "X-Execution-Provider": pipeline.runtime.provider,
    }
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait:g}"
    return headers


def timing_headers(answer: Answer[Any]) -> dict[str, str]:
    """Batch size and milliseconds of an answer (https://www.w3.org/TR/server-timing/)."""
    timing = ", ".join(f"{stage};dur={1000 * s:.1f}" for stage, s in answer.durations.items())
    return {"X-Batch-Size": str(answer.batch_size), "Server-Timing": timing}


def _entity_tag(fingerprint: str) -> str:
    """Weak: batches of other sizes and other processors may differ by one level of 255."""
    return f'W/"{fingerprint[:32]}"'


def _listed_tags(if_none_match: str) -> set[str]:
    return {tag.strip() for tag in if_none_match.split(",")} - {""}


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
