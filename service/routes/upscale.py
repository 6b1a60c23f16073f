"""POST /upscale"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from service.models.catalog import Objective
from service.routes import transform
from service.routes.parameters import OutputQuery
from service.serving.pipeline import Pipeline

router = APIRouter(tags=["transform"])


@router.post("/upscale", **transform.DOCUMENTED)
async def upscale(
    request: Request,
    output: OutputQuery,
    factor: Annotated[
        int, Query(description="how many times each side grows: 4 or 8, as GET /models lists them")
    ] = 4,
    objective: Annotated[
        Objective,
        Query(
            alias="model",
            description="feature draws sharp detail, pixel stays nearest to the given pixels",
        ),
    ] = "feature",
) -> Response:
    """Enlarge an image of any size; the answer is exactly ``factor`` times as wide and high."""
    pipeline: Pipeline = request.app.state.pipeline
    return await transform.transformed(
        request, pipeline.catalog.upscaler(factor, objective), output
    )
