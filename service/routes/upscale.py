"""POST /upscale"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.routes.dependencies import ClientOf, PipelineOf
from service.routes.transform import DOCUMENTED, count_refusals, transformed
from service.serving.transformation import Upscaling

router = APIRouter(tags=["transform"])


@router.post("/upscale", **DOCUMENTED)
async def upscale(
    request: Request,
    pipeline: PipelineOf,
    client: ClientOf,
    upscaling: Annotated[Upscaling, Query()],
) -> Response:
    """Enlarge an image of any size; the answer is exactly ``factor`` times as wide and high."""
    model = pipeline.catalog.upscaler(upscaling.factor, upscaling.objective)
    with count_refusals(request, pipeline.metrics, model):
        return await transformed(request, pipeline, client, model, upscaling)
