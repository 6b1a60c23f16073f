"""GET /metrics, unless --metrics-port gives it a port of its own."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.routes.dependencies import PipelineOf

router = APIRouter(tags=["operation"])


@router.get("/metrics", response_class=Response)
async def metrics(pipeline: PipelineOf) -> Response:
    """Prometheus' text format."""
    return Response(pipeline.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)
