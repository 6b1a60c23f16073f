"""GET /metrics, where they have no port of their own."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

router = APIRouter(tags=["operation"])


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Prometheus' text format."""
    exposition = request.app.state.pipeline.metrics.exposition()
    return Response(exposition, media_type=CONTENT_TYPE_LATEST)
