"""GET /models: the styles and upscalers that are served."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from service import problems
from service.http.problem_details import documented
from service.routes.dependencies import PipelineOf

router = APIRouter(prefix="/models", tags=["models"])

Name = Annotated[str, Path(description="name of a style or upscaler")]
UNKNOWN: dict[int | str, dict[str, Any]] = documented(problems.UnknownModel)


@router.get("")
async def models(pipeline: PipelineOf) -> list[dict[str, Any]]:
    """All styles and upscalers with their cards."""
    return [each.described() for each in pipeline.catalog.listed.values()]


@router.get("/{name}", responses=UNKNOWN)
async def model(pipeline: PipelineOf, name: Name) -> dict[str, Any]:
    """The card of a style or upscaler."""
    return pipeline.catalog.style_or_upscaler(name).described()


# Not async: it reads from the disk, in a thread.
@router.get("/{name}/preview", response_class=Response, responses=UNKNOWN)
def preview(pipeline: PipelineOf, name: Name) -> Response:
    """A picture that shows what the style or upscaler does."""
    found = pipeline.catalog.style_or_upscaler(name)
    with suppress(FileNotFoundError):  # its version was removed, and the store not read since
        if found.preview is not None:
            return Response(found.preview.read_bytes(), media_type="image/jpeg")
    raise problems.UnknownModel(f"The model {name!r} has no preview.")
