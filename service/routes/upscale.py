"""POST /upscale"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.routes.dependencies import ClientOf, PipelineOf
from service.routes.transform import DOCUMENTED, count_refusals, transformed
from service.serving.operation import upscaling
from service.serving.transformation import Upscaling

router = APIRouter(tags=["transform"])


@router.post("/upscale", **DOCUMENTED)
async def upscale(
    request: Request,
    pipeline: PipelineOf,
    client: ClientOf,
    transformation: Annotated[Upscaling, Query()],
) -> Response:
    """Enlarge an image of any size; the answer is exactly ``factor`` times as wide and high."""
    operation = upscaling(pipeline.catalog, transformation)
    with count_refusals(request, pipeline.metrics, operation.name):
        return await transformed(request, pipeline, client, operation)
