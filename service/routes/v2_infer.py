"""POST /v2/models/{name}/infer: images as tensors, by the Open Inference Protocol."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from service import problems
from service.http.negotiation import wait_seconds
from service.models.catalog import Model
from service.open_inference.inference import Inference
from service.open_inference.messages import InferRequest
from service.routes import transform
from service.routes.v2_models import Served, ServedInVersion
from service.serving.pipeline import Pipeline

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

JSON_LENGTH = "Inference-Header-Content-Length"


def _in_place(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A JSON schema without references, which would point out of it once OpenAPI embeds it."""
    if isinstance(schema, list):
        return [_in_place(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    rest = {
        key: _in_place(value, definitions)
        for key, value in schema.items()
        if key not in ("$ref", "$defs")
    }
    reference = schema.get("$ref", "").removeprefix("#/$defs/")
    return {**_in_place(definitions[reference], definitions), **rest} if reference else rest


_REQUEST = InferRequest.model_json_schema()
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_DOCUMENTED: dict[str, Any] = {
    "response_class": Response,
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _in_place(_REQUEST, _REQUEST["$defs"])},
                "application/octet-stream": _BINARY,
            },
        }
    },
    "responses": {
        200: {
            "description": "The output tensors",
            "content": {
                "application/json": {"schema": {"type": "object"}},
                "application/octet-stream": _BINARY,
            },
        },
        **problems.documented(
            problems.MalformedRequest,
            problems.Unauthorized,
            problems.UnknownModel,
            problems.SlowBody,
            problems.BodyTooLarge,
            problems.UnsupportedCoding,
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


@router.post("/models/{name}/infer", **_DOCUMENTED)
async def infer(request: Request, model: Served) -> Response:
    """Run a model on images of one shape, uint8 [N, H, W, 3]."""
    return await transform.counted(request, model, _inferred(request, model))


@router.post("/models/{name}/versions/{version}/infer", **_DOCUMENTED)
async def infer_version(request: Request, model: ServedInVersion) -> Response:
    """Run a version of a model on images of one shape, uint8 [N, H, W, 3]."""
    return await transform.counted(request, model, _inferred(request, model))


async def _inferred(request: Request, model: Model) -> Response:
    pipeline: Pipeline = request.app.state.pipeline
    wait = wait_seconds(request.headers.get("prefer"))
    deadline = None if wait is None else asyncio.get_running_loop().time() + wait
    json_length = _json_length(request.headers.get(JSON_LENGTH))
    pipeline.scheduler.admit(deadline)
    inputs, _ = pipeline.signature(model)
    client = getattr(request.state, "client", None)  # where keys are asked for
    inference = Inference(model, inputs, request.app.state.settings, client)

    coding = request.headers.get("content-encoding", "")
    decode = partial(inference.decode, await request.body(), coding, json_length)
    processing = pipeline.process(model, deadline, decode, inference.encode)
    answer = await transform.unless_client_leaves(request, processing)
    headers = transform.identity(pipeline, model, wait) | transform.course(answer)
    message = answer.content
    if message.json_length is None:
        return Response(message.body, media_type="application/json", headers=headers)
    headers[JSON_LENGTH] = str(message.json_length)
    return Response(message.body, media_type="application/octet-stream", headers=headers)


def _json_length(header: str | None) -> int | None:
    if header is not None and not re.fullmatch("[0-9]{1,18}", header):
        raise problems.MalformedRequest(f"{JSON_LENGTH}: {header} is not a number of bytes.")
    return None if header is None else int(header)
