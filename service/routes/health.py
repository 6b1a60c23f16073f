"""Liveness and readiness probes."""

from fastapi import APIRouter

from service import problems
from service.http.problem_details import documented
from service.routes.dependencies import PipelineOf

router = APIRouter(tags=["operation"])


@router.get("/livez")
async def livez() -> dict[str, str]:
    """The process answers."""
    return {"status": "alive"}


@router.get("/readyz", responses=documented(problems.NotReady))
async def readyz(pipeline: PipelineOf) -> dict[str, str]:
    """Models are loaded and warm, and the service is not shutting down; load does not matter."""
    pipeline.check_ready()
    return {"status": "ready", "execution_provider": pipeline.runtime.provider}
