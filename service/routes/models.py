"""GET /models: the models that are served."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from service import problems
from service.http.problem_details import documented
from service.routes.dependencies import PipelineOf

router = APIRouter(prefix="/models", tags=["models"])

Name = Annotated[str, Path(description="name of a model")]
UNKNOWN: dict[int | str, dict[str, Any]] = documented(problems.UnknownModel)


@router.get("")
async def models(pipeline: PipelineOf) -> list[dict[str, Any]]:
    """All models with their cards."""
    return [model.described() for model in pipeline.catalog.models.values()]


@router.get("/{name}", responses=UNKNOWN)
async def model(pipeline: PipelineOf, name: Name) -> dict[str, Any]:
    """One model's card."""
    return pipeline.catalog.get(name).described()


# Not async: it reads from the disk, in a thread.
@router.get("/{name}/preview", response_class=Response, responses=UNKNOWN)
def preview(pipeline: PipelineOf, name: Name) -> Response:
    """A picture that shows what the model does."""
    found = pipeline.catalog.get(name)
    with suppress(FileNotFoundError):  # its version was removed, and the store not read since
        if found.preview is not None:
            return Response(found.preview.read_bytes(), media_type="image/jpeg")
    raise problems.UnknownModel(f"The model {name!r} has no preview.")
