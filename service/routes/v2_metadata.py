"""GET /v2 and below: server and model metadata by the Open Inference Protocol."""

from importlib.metadata import version
from typing import Annotated, Literal

from fastapi import APIRouter, Body
from pydantic import BaseModel, ConfigDict

from service import problems
from service.http.problem_details import documented
from service.models.catalog import Model
from service.open_inference.messages import EXTENSIONS
from service.open_inference.tensors import TensorMetadata, on_the_wire
from service.routes.dependencies import PipelineOf
from service.routes.v2_models import ModelOf, VersionOf
from service.serving.pipeline import Pipeline

router = APIRouter(prefix="/v2", tags=["open inference protocol"])


class ServerMetadata(BaseModel):
    name: str
    version: str
    extensions: list[str]


class ModelMetadata(BaseModel):
    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(BaseModel):
    live: Literal[True] = True


class Ready(BaseModel):
    ready: Literal[True] = True


class ModelReady(Ready):
    name: str


class IndexQuery(BaseModel):
    model_config = ConfigDict(strict=True)

    ready: bool = False
    """List only models that answer requests."""


class IndexEntry(BaseModel):
    name: str
    version: str
    state: Literal["READY", "LOADING"]


@router.get("")
async def server_metadata() -> ServerMetadata:
    """The server's name and version, and the protocol's extensions that it has."""
    return ServerMetadata(name="perceptual", version=version("perceptual"), extensions=EXTENSIONS)


@router.get("/health/live")
async def live() -> Live:
    """The process answers."""
    return Live()


@router.get("/health/ready", responses=documented(problems.NotReady))
async def ready(pipeline: PipelineOf) -> Ready:
    """All models are loaded and warm, and the service is not shutting down."""
    pipeline.check_ready()
    return Ready()


_OF_A_MODEL = documented(problems.UnknownModel, problems.NotReady)


@router.get("/models/{name}", responses=_OF_A_MODEL)
async def model_metadata(pipeline: PipelineOf, model: ModelOf) -> ModelMetadata:
    """A model's inputs and outputs."""
    return _metadata(pipeline, model)


@router.get("/models/{name}/versions/{version}", responses=_OF_A_MODEL)
async def version_metadata(pipeline: PipelineOf, model: VersionOf) -> ModelMetadata:
    """A version's inputs and outputs."""
    return _metadata(pipeline, model)


@router.get("/models/{name}/ready", responses=_OF_A_MODEL)
async def model_ready(pipeline: PipelineOf, model: ModelOf) -> ModelReady:
    """The model answers requests."""
    pipeline.check_ready()
    return ModelReady(name=model.name)


@router.get("/models/{name}/versions/{version}/ready", responses=_OF_A_MODEL)
async def version_ready(pipeline: PipelineOf, model: VersionOf) -> ModelReady:
    """The version answers requests."""
    return await model_ready(pipeline, model)


_OF_THE_INDEX = documented(
    problems.MalformedRequest, problems.SlowBody, problems.BodyTooLarge, problems.TooManyBodies
)


@router.post("/repository/index", responses=_OF_THE_INDEX)
async def repository_index(
    pipeline: PipelineOf, query: Annotated[IndexQuery | None, Body()] = None
) -> list[IndexEntry]:
    """All models. Of Triton's extension model_repository only this is served."""
    if query is not None and query.ready and not pipeline.loaded:
        return []
    state: Literal["READY", "LOADING"] = "READY" if pipeline.loaded else "LOADING"
    return [
        IndexEntry(name=model.name, version=str(model.version), state=state)
        for model in pipeline.catalog.models.values()
    ]


def _metadata(pipeline: Pipeline, model: Model) -> ModelMetadata:
    inputs, outputs = pipeline.signature(model)
    return ModelMetadata(
        name=model.name,
        versions=[str(model.version)],
        platform="onnxruntime_onnx",
        inputs=[on_the_wire(tensor) for tensor in inputs],
        outputs=[on_the_wire(tensor) for tensor in outputs],
    )
