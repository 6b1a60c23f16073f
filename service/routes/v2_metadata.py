"""GET /v2 and below: what the Open Inference Protocol tells of the server and its models."""

from importlib.metadata import version
from typing import Annotated, Literal

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict

from service import problems
from service.models.catalog import Model
from service.open_inference.messages import EXTENSIONS
from service.open_inference.tensors import TensorMetadata, on_the_wire
from service.routes.v2_models import Served, ServedInVersion
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
    """Only models that can be asked for."""


class IndexEntry(BaseModel):
    name: str
    version: str
    state: Literal["READY", "LOADING"]


@router.get("")
async def server_metadata() -> ServerMetadata:
    """What serves, and which extensions of the protocol."""
    return ServerMetadata(name="perceptual", version=version("perceptual"), extensions=EXTENSIONS)


@router.get("/health/live")
async def live() -> Live:
    """The process answers."""
    return Live()


@router.get("/health/ready", responses=problems.documented(problems.NotReady))
async def ready(request: Request) -> Ready:
    """All models are loaded and warm, and the service is not shutting down."""
    _pipeline(request).scheduler.admit()
    return Ready()


_OF_A_MODEL = problems.documented(problems.UnknownModel, problems.NotReady)


@router.get("/models/{name}", responses=_OF_A_MODEL)
async def model_metadata(request: Request, model: Served) -> ModelMetadata:
    """A model's inputs and outputs."""
    return _metadata(request, model)


@router.get("/models/{name}/versions/{version}", responses=_OF_A_MODEL)
async def version_metadata(request: Request, model: ServedInVersion) -> ModelMetadata:
    """A version's inputs and outputs."""
    return _metadata(request, model)


@router.get("/models/{name}/ready", responses=_OF_A_MODEL)
async def model_ready(request: Request, model: Served) -> ModelReady:
    """The model can be asked for."""
    _pipeline(request).scheduler.admit()
    return ModelReady(name=model.name)


@router.get("/models/{name}/versions/{version}/ready", responses=_OF_A_MODEL)
async def version_ready(request: Request, model: ServedInVersion) -> ModelReady:
    """The version can be asked for."""
    return await model_ready(request, model)


_OF_THE_INDEX = problems.documented(
    problems.MalformedRequest, problems.SlowBody, problems.BodyTooLarge, problems.TooManyBodies
)


@router.post("/repository/index", responses=_OF_THE_INDEX)
async def repository_index(
    request: Request, query: Annotated[IndexQuery | None, Body()] = None
) -> list[IndexEntry]:
    """All models; from Triton's extension model_repository, of which no more is served."""
    pipeline = _pipeline(request)
    if query is not None and query.ready and not pipeline.loaded:
        return []
    state: Literal["READY", "LOADING"] = "READY" if pipeline.loaded else "LOADING"
    return [
        IndexEntry(name=model.name, version=str(model.version), state=state)
        for model in pipeline.catalog.models.values()
    ]


def _metadata(request: Request, model: Model) -> ModelMetadata:
    inputs, outputs = _pipeline(request).signature(model)
    return ModelMetadata(
        name=model.name,
        versions=[str(model.version)],
        platform="onnxruntime_onnx",
        inputs=[on_the_wire(tensor) for tensor in inputs],
        outputs=[on_the_wire(tensor) for tensor in outputs],
    )


def _pipeline(request: Request) -> Pipeline:
    pipeline: Pipeline = request.app.state.pipeline
    return pipeline
