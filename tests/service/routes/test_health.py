"""Liveness and readiness probes."""

import httpx
import pytest

from service.problems import Draining, QueueFull
from service.scheduling.scheduler import Scheduler

pytestmark = pytest.mark.anyio


async def test_readyz_names_the_execution_provider(client: httpx.AsyncClient) -> None:
    assert (await client.get("/readyz")).json() == {"status": "ready", "execution_provider": "cpu"}


async def test_readyz_is_200_whatever_the_load_until_the_service_shuts_down(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise QueueFull("The queue is full.", retry_after=7)

    monkeypatch.setattr(Scheduler, "check_admission", refuse)
    assert (await client.get("/readyz")).status_code == 200
    assert (await client.get("/v2/health/ready")).status_code == 200

    def shutting_down(*_: object) -> None:
        raise Draining("The service is shutting down.", retry_after=3)

    monkeypatch.setattr(Scheduler, "check_ready", shutting_down)
    for path in ("/readyz", "/v2/health/ready", "/v2/models/wave/ready"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
