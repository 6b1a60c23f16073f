"""The model that a path of the Open Inference Protocol names, with a version or without."""

from typing import Annotated

from fastapi import Depends, Path

from service.models.catalog import Model
from service.problems import UnknownModel
from service.routes.dependencies import PipelineOf

Name = Annotated[str, Path(description="name of a model")]
Version = Annotated[str, Path(description="the version that is served, as the metadata names it")]


async def _model(pipeline: PipelineOf, name: Name) -> Model:
    return pipeline.catalog.get(name)


async def _version(pipeline: PipelineOf, name: Name, version: Version) -> Model:
    model = pipeline.catalog.get(name)
    if version != str(model.version):
        raise UnknownModel(
            f"The model {name!r} has no version {version!r}; version {model.version} is served."
        )
    return model


ModelOf = Annotated[Model, Depends(_model)]
VersionOf = Annotated[Model, Depends(_version)]
