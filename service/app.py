"""Builds the application: pipeline, middleware, routes and life cycle."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI

from service.auth import access
from service.http import browsers, problem_details
from service.http.bodies import BodyReading
from service.http.middleware import BodyLimit, RequestLog
from service.observability import tracing
from service.observability.metrics import Metrics
from service.routes import (
    health,
    metrics,
    models,
    page,
    stylize,
    upscale,
    v2_infer,
    v2_metadata,
)
from service.serving.pipeline import Pipeline
from service.serving.reloading import Reloading
from service.settings import Settings

log = logging.getLogger(__name__)


def create_app(
    settings: Settings, on_failure: Callable[[Exception], None] | None = None
) -> FastAPI:
    """The ASGI application.

    Raises BrokenStore, BrokenKeys or RuntimeUnavailable if it could never work.
    Models load after start-up, so that /livez answers meanwhile; /readyz says when they have.
    ``on_failure`` is called if they cannot be loaded: the app will then never be ready.
    """
    keyed = access.required(settings.api_keys)
    collectors = Metrics()
    pipeline = Pipeline(settings, collectors)
    reloading = Reloading(settings.model_store, settings.model_poll_seconds)

    async def load() -> None:
        try:
            await pipeline.start()
        except Exception as error:
            log.critical("models did not load: %s", error)
            if on_failure is not None:
                on_failure(error)
        else:
            log.info("ready")
            await reloading.run(pipeline.reload)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.create_task(load())
        yield
        loading.cancel()
        await pipeline.drain()

    app = FastAPI(
        title="Perceptual",
        description="Style transfer and super-resolution by perceptual losses.",
        lifespan=lifespan,
        telemetry=tracing.TELEMETRY,
    )
    app.state.pipeline = pipeline  # read by routes/dependencies.py and __main__.py
    app.state.reloading = reloading
    max_open_bytes = settings.max_open_bodies * settings.max_body_bytes
    app.add_middleware(BodyReading, seconds=settings.body_timeout_seconds, max_bytes=max_open_bytes)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(RequestLog, metrics=collectors)
    browsers.install(app, settings.cors_origins)
    problem_details.install(app)
    for resource in (stylize, upscale, v2_infer):
        app.include_router(resource.router, dependencies=keyed)
    for resource in (models, v2_metadata, health, page):
        app.include_router(resource.router)
    if settings.metrics_port is None:
        app.include_router(metrics.router)
    return app
