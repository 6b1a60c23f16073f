"""POST /stylize/{style}"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from service.routes.dependencies import ClientOf, PipelineOf
from service.routes.transform import DOCUMENTED, count_refusals, transformed
from service.serving.operation import stylizing
from service.serving.transformation import Stylization

router = APIRouter(tags=["transform"])


@router.post("/stylize/{style}", **DOCUMENTED)
async def stylize(
    request: Request,
    pipeline: PipelineOf,
    client: ClientOf,
    style: Annotated[str, Path(description="name of a style, as GET /models lists them")],
    stylization: Annotated[Stylization, Query()],
) -> Response:
    """Paint a photograph in a style; the answer is an image of the same size."""
    asked = pipeline.catalog.style(style)
    with count_refusals(request, pipeline.metrics, asked.name):
        operation = stylizing(pipeline.catalog, asked, stylization)
        return await transformed(request, pipeline, client, operation)
