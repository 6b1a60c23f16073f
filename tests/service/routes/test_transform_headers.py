"""What an answer says of itself, and what a request may ask for in headers."""

import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from service.models import catalog
from service.models.runtime import Runtime
from service.problems import QueueFull
from service.scheduling.scheduler import Scheduler
from tests.support.application import Connect
from tests.support.pictures import encoded

pytestmark = pytest.mark.anyio


@pytest.fixture
def body(photograph: NDArray[np.uint8]) -> bytes:
    return encoded(photograph, "jpeg")


async def post(
    client: httpx.AsyncClient, body: bytes, headers: dict[str, str] | None = None, **query: object
) -> httpx.Response:
    sent = {"Content-Type": "image/jpeg", **(headers or {})}
    return await client.post("/stylize/wave", content=body, headers=sent, params=query)


async def batches_run(client: httpx.AsyncClient) -> float:
    metrics = (await client.get("/metrics")).text
    found = re.search(r'^perceptual_batch_images_count\{model="wave"\} (\S+)$', metrics, re.M)
    return float(found[1]) if found else 0.0


async def test_names_the_model_the_device_and_the_batch(
    client: httpx.AsyncClient, body: bytes, model_store: Path
) -> None:
    headers = (await post(client, body)).headers
    assert headers["x-model"] == "wave"
    digest = catalog.read(model_store, Runtime("cpu", threads=1).precision).models["wave"].digest
    assert headers["x-model-digest"] == f"sha256:{digest}"
    assert headers["x-execution-provider"] in ("cpu", "cuda")
    assert headers["x-batch-size"] == "1"
    assert headers["vary"] == "Accept"


async def test_server_timing_gives_milliseconds_of_every_stage(
    client: httpx.AsyncClient, body: bytes
) -> None:
    timing = (await post(client, body)).headers["server-timing"]
    stages = dict(re.findall(r"(\w+);dur=(\d+\.\d)", timing))
    assert list(stages) == ["decode", "queue", "infer", "encode"]
    assert float(stages["infer"]) > 0


async def test_echoes_the_request_id_or_makes_one(client: httpx.AsyncClient, body: bytes) -> None:
    echoed = await post(client, body, {"X-Request-ID": "order-66"})
    assert echoed.headers["x-request-id"] == "order-66"

    made = await client.get("/livez")
    assert re.fullmatch(r"[0-9a-f-]{36}", made.headers["x-request-id"])


async def test_an_id_that_could_forge_a_log_line_is_replaced(client: httpx.AsyncClient) -> None:
    answer = await client.get("/livez", headers={"X-Request-ID": "a\tb"})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])


async def test_a_path_that_could_forge_a_log_line_is_logged_as_it_was_sent(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "service.access"):
        await client.get("/x%0AGET /livez 200")
    (line,) = [record.getMessage() for record in caplog.records if "/x" in record.getMessage()]
    assert "\n" not in line
    assert "/x%0AGET%20/livez%20200 404" in line


async def test_a_client_that_has_the_answer_gets_304_before_any_inference(
    client: httpx.AsyncClient, body: bytes
) -> None:
    tag = (await post(client, body)).headers["etag"]
    before = await batches_run(client)
    again = await post(client, body, {"If-None-Match": f'"other", {tag}'})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert await batches_run(client) == before


async def test_a_client_that_has_the_answer_gets_304_even_while_the_queue_is_full(
    client: httpx.AsyncClient, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise QueueFull("The queue is full.", retry_after=1)

    tag = (await post(client, body)).headers["etag"]
    monkeypatch.setattr(Scheduler, "check_admission", refuse)
    assert (await post(client, body, {"If-None-Match": tag})).status_code == 304
    assert (await post(client, body, {"If-None-Match": '"other"'})).status_code == 429
    assert (await post(client, body)).status_code == 429


async def test_the_entity_tag_depends_on_all_that_changes_the_picture(
    client: httpx.AsyncClient, body: bytes
) -> None:
    answers = [
        await post(client, body),
        await post(client, body, strength=0.5),
        await post(client, body, preserve_color=True),
        await post(client, body, max_side=64),
        await post(client, body, format="webp"),
        await post(client, body, quality=50),
        await post(client, body, {"Accept": "image/png"}),
        await post(client, body + b"\0"),
    ]
    assert len({answer.headers["etag"] for answer in answers}) == len(answers)
    assert (await post(client, body)).headers["etag"] == answers[0].headers["etag"]


async def test_prefer_wait_is_acknowledged(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await post(client, body, {"Prefer": "respond-async, wait=60"})
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=60"


async def test_a_deadline_that_passes_meanwhile_is_504(
    connect: Connect, astronaut: NDArray[np.uint8]
) -> None:
    async with connect() as client:
        answer = await post(client, encoded(astronaut, "jpeg"), {"Prefer": "wait=0.001"})
    assert answer.status_code == 504
    assert answer.json()["title"] == "Deadline passed"
