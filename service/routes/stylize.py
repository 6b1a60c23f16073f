"""POST /stylize/{style}"""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from service.routes import transform
from service.routes.parameters import OutputQuery
from service.serving.pipeline import Pipeline

router = APIRouter(tags=["transform"])


@router.post("/stylize/{style}", **transform.DOCUMENTED)
async def stylize(
    request: Request,
    style: Annotated[str, Path(description="name of a style, as GET /models lists them")],
    output: OutputQuery,
    strength: Annotated[
        float, Query(ge=0, le=1, description="0 gives the photograph back, 1 the full style")
    ] = 1.0,
    preserve_color: Annotated[
        bool, Query(description="keep the photograph's colours under the painting's strokes")
    ] = False,
    max_side: Annotated[
        int | None, Query(ge=16, le=65535, description="shrink the longer side to this many pixels")
    ] = None,
) -> Response:
    """Paint a photograph in a style; the answer is an image of the same size."""
    pipeline: Pipeline = request.app.state.pipeline
    model = pipeline.catalog.get(style, "stylize")
    inputs = {"strength": strength, "preserve_color": float(preserve_color)}
    return await transform.transformed(request, model, output, inputs, max_side)
