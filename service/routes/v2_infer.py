"""POST /v2/models/{name}/infer: images as tensors, by the Open Inference Protocol."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from service import problems
from service.auth.keys import Client
from service.http.negotiation import wait_seconds
from service.http.problem_details import documented
from service.models.catalog import Model
from service.open_inference.inference import InferenceBody, InferenceJob
from service.open_inference.messages import InferRequest
from service.routes.dependencies import ClientOf, PipelineOf
from service.routes.transform import (
    MODEL_PROBLEMS,
    count_refusals,
    deadline_after,
    model_headers,
    timing_headers,
    unless_client_leaves,
)
from service.routes.v2_models import ModelOf, VersionOf
from service.serving.pipeline import Pipeline

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

JSON_LENGTH = "Inference-Header-Content-Length"


def _in_place(schema: Any, definitions: Mapping[str, Any]) -> Any:
    """A JSON schema with its references resolved, since OpenAPI embeds it elsewhere."""
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
        **documented(*MODEL_PROBLEMS, problems.UnsupportedCoding),
    },
}


@router.post("/models/{name}/infer", **_DOCUMENTED)
async def infer(
    request: Request, pipeline: PipelineOf, client: ClientOf, model: ModelOf
) -> Response:
    """Run a model on images of one shape, uint8 [N, H, W, 3]."""
    with count_refusals(request, pipeline.metrics, model.name):
        return await _inferred(request, pipeline, client, model)


@router.post("/models/{name}/versions/{version}/infer", **_DOCUMENTED)
async def infer_version(
    request: Request, pipeline: PipelineOf, client: ClientOf, model: VersionOf
) -> Response:
    """Run a version of a model on images of one shape, uint8 [N, H, W, 3]."""
    return await infer(request, pipeline, client, model)


async def _inferred(
    request: Request, pipeline: Pipeline, client: Client | None, model: Model
) -> Response:
    wait = wait_seconds(request.headers.get("prefer"))
    deadline = deadline_after(wait)
    json_length = _json_length(request.headers.get(JSON_LENGTH))
    pipeline.scheduler.check_admission(deadline)

    body = InferenceBody(
        await request.body(), request.headers.get("content-encoding", ""), json_length
    )
    inputs, _ = pipeline.signature(model)
    job = InferenceJob(model, inputs, body, pipeline.settings, deadline, client)
    answer = await unless_client_leaves(request, pipeline.run(job))
    headers = model_headers(pipeline, model.name, model, wait) | timing_headers(answer)
    message = answer.content
    if message.json_length is None:
        return Response(message.body, media_type="application/json", headers=headers)
    headers[JSON_LENGTH] = str(message.json_length)
    return Response(message.body, media_type="application/octet-stream", headers=headers)


def _json_length(header: str | None) -> int | None:
    if header is not None and not re.fullmatch("[0-9]{1,18}", header):
        raise problems.MalformedRequest(f"{JSON_LENGTH}: {header} is not a number of bytes.")
    return None if header is None else int(header)
