"""Which model a path of the Open Inference Protocol names, with a version or without."""

from typing import Annotated

from fastapi import Depends, Path, Request

from service.models.catalog import Catalog, Model
from service.problems import UnknownModel

Name = Annotated[str, Path(description="name of a model")]
Version = Annotated[str, Path(description="the version that is served, as the metadata names it")]


async def _served(request: Request, name: Name) -> Model:
    catalog: Catalog = request.app.state.pipeline.catalog
    return catalog.get(name)


async def _served_in_version(request: Request, name: Name, version: Version) -> Model:
    model = await _served(request, name)
    if version != str(model.version):
        raise UnknownModel(
            f"The model {name!r} has no version {version!r}; version {model.version} is served."
        )
    return model


Served = Annotated[Model, Depends(_served)]
ServedInVersion = Annotated[Model, Depends(_served_in_version)]
