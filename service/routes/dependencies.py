"""FastAPI dependencies of the routes: the pipeline, and the client of a request."""

from typing import Annotated

from fastapi import Depends, Request

from service.auth.keys import Client
from service.serving.pipeline import Pipeline


# async, as all dependencies here: FastAPI would run others in a thread that the request waits for.
async def _pipeline(request: Request) -> Pipeline:
    pipeline: Pipeline = request.app.state.pipeline
    return pipeline


PipelineOf = Annotated[Pipeline, Depends(_pipeline)]


async def _client(request: Request) -> Client | None:
    client: Client | None = getattr(request.state, "client", None)
    return client


ClientOf = Annotated[Client | None, Depends(_client)]
"""The holder of the request's API key; None where no keys are asked for."""
