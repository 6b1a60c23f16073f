"""Probes for orchestrators, and metrics for Prometheus."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service import problems

router = APIRouter(tags=["operation"])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses=problems.documented(problems.NotReady))
async def readyz(request: Request) -> dict[str, str]:
    """Requests are welcome: models are loaded and warm, and the service is not shutting down."""
    pipeline = request.app.state.pipeline
    pipeline.scheduler.admit()
    return {"status": "ready", "execution_provider": pipeline.runtime.provider}


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    exposition = request.app.state.pipeline.metrics.exposition()
    return Response(exposition, media_type=CONTENT_TYPE_LATEST)
