"""Probes for orchestrators."""

from fastapi import APIRouter, Request

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
