"""GET /models: what can be asked for."""

from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from service import problems
from service.models.catalog import Model

router = APIRouter(prefix="/models", tags=["models"])

Name = Annotated[str, Path(description="name of a model")]
UNKNOWN: dict[int | str, dict[str, Any]] = problems.documented(problems.UnknownModel)


@router.get("")
async def models(request: Request) -> list[dict[str, Any]]:
    """All models with their cards."""
    return [model.described() for model in request.app.state.pipeline.catalog.models.values()]


@router.get("/{name}", responses=UNKNOWN)
async def model(request: Request, name: Name) -> dict[str, Any]:
    """One model's card."""
    return _find(request, name).described()


@router.get("/{name}/preview", response_class=Response, responses=UNKNOWN)
def preview(request: Request, name: Name) -> Response:  # not async: it waits for the disk
    """A picture that shows what the model does."""
    found = _find(request, name)
    with suppress(FileNotFoundError):  # its version was removed, and the store not read since
        if found.preview is not None:
            return Response(found.preview.read_bytes(), media_type="image/jpeg")
    raise problems.UnknownModel(f"The model {name!r} has no preview.")


def _find(request: Request, name: str) -> Model:
    found: Model = request.app.state.pipeline.catalog.get(name)
    return found
