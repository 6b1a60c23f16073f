"""What the log says, and of which request."""

import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from service.observability.logs import JsonFormatter, TextFormatter
from tests.support.application import Connect
from tests.support.pictures import encoded
from tests.support.server import Server

pytestmark = pytest.mark.anyio

TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE}-b7ad6b7169203331-01"


@pytest.fixture
def log() -> Iterator[StringIO]:
    """All that is logged meanwhile, as JSON."""
    written = StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel("DEBUG")
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture
async def tiny(connect: Connect, upscaler_store: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(model_store=upscaler_store) as client:
        yield client


@pytest.fixture
def body(photograph: NDArray[np.uint8]) -> bytes:
    return encoded(photograph[:32, :32])


def lines(log: StringIO, logger: str = "") -> list[dict[str, object]]:
    parsed = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in parsed if str(line["logger"]).startswith(logger)]


async def test_a_request_is_one_json_object_with_all_there_is_to_know(
    tiny: httpx.AsyncClient, log: StringIO, body: bytes
) -> None:
    sent = {"X-Request-ID": "order-66", "traceparent": TRACEPARENT, "Content-Type": "image/png"}
    await tiny.post("/upscale?factor=8", content=body, headers=sent)
    (line,) = lines(log, "service.access")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line.pop("time")))
    assert float(str(line.pop("duration_ms"))) > 0
    assert re.fullmatch(r"POST /upscale 200 \d+ ms", str(line.pop("message")))
    assert line == {
        "level": "info",
        "logger": "service.access",
        "request_id": "order-66",
        "trace_id": TRACE,
        "method": "POST",
        "path": "/upscale",
        "route": "/upscale",
        "status": 200,
        "model": "upscale_x8_feature",
    }


async def test_a_client_is_named_by_its_key(
    connect: Connect, upscaler_store: Path, tmp_path: Path, log: StringIO, body: bytes
) -> None:
    digest = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"  # of "secret"
    keys = tmp_path / "keys.toml"
    keys.write_text(f'[[key]]\nname = "shop"\nsha256 = "{digest}"')
    async with connect(model_store=upscaler_store, api_keys=keys) as client:
        for key in ("secret", "wrong"):
            await client.post("/upscale", files={"image": body}, headers={"X-API-Key": key})
    posts = [line for line in lines(log, "service.access") if line["method"] == "POST"]
    assert [line.get("client") for line in posts] == ["shop", None]
    assert [line["status"] for line in posts] == [200, 401]
    assert "wrong" not in log.getvalue()


async def test_every_line_that_a_request_causes_names_it(
    tiny: httpx.AsyncClient, log: StringIO, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def encode(*_: object) -> bytes:  # in a thread
        logging.getLogger("encoder").warning("odd pixels")
        raise ZeroDivisionError

    monkeypatch.setattr("service.images.codec.encode", encode)

    async def post(number: int) -> None:
        headers = {"X-Request-ID": f"request-{number}"}
        await tiny.post("/upscale", files={"image": body}, headers=headers)

    async with anyio.create_task_group() as clients:
        for number in range(8):
            clients.start_soon(post, number)

    everyone = {f"request-{number}" for number in range(8)}
    for logger in ("encoder", "service.access"):
        assert {line["request_id"] for line in lines(log, logger)} == everyone
    failures = [line for line in lines(log) if "exception" in line]
    assert {line["request_id"] for line in failures} == everyone
    assert "ZeroDivisionError" in str(failures[0]["exception"])


async def test_what_no_request_causes_names_none(log: StringIO) -> None:
    logging.getLogger("service").info("ready")
    (line,) = lines(log, "service")
    assert set(line) == {"time", "level", "logger", "message"}


@pytest.mark.parametrize("traceparent", ["", "00-0-0-00", f"00-{'0' * 32}-b7ad6b7169203331-01"])
async def test_a_traceparent_that_is_none_is_left_out(
    tiny: httpx.AsyncClient, log: StringIO, traceparent: str
) -> None:
    await tiny.get("/models", headers={"traceparent": traceparent})
    (line,) = [line for line in lines(log, "service.access") if line["path"] == "/models"]
    assert "trace_id" not in line


async def test_text_for_people_ends_with_the_request_and_its_trace(
    tiny: httpx.AsyncClient, log: StringIO
) -> None:
    (handler,) = [h for h in logging.getLogger().handlers if getattr(h, "stream", None) is log]
    handler.setFormatter(TextFormatter())
    await tiny.get("/models", headers={"X-Request-ID": "mine", "traceparent": TRACEPARENT})
    assert re.search(
        rf"INFO service\.access: GET /models 200 \d+ ms \[mine {TRACE}\]$", log.getvalue(), re.M
    )


def test_a_real_process_logs_nothing_but_json_from_start_to_end(
    upscaler_store: Path, body: bytes
) -> None:
    server = Server("--model-store", str(upscaler_store), "--log-format", "json")
    server.until_ready()
    with httpx.Client() as client:
        for request in ("first", "second"):
            headers = {"X-Request-ID": request}
            client.post(f"{server.url}/upscale", files={"image": body}, headers=headers)
    server.stop()
    parsed = [json.loads(line) for line in server.log]
    posts = [line for line in parsed if line.get("method") == "POST"]
    assert [line["request_id"] for line in posts] == ["first", "second"]
    assert "request_id" not in parsed[0]
    assert "request_id" not in parsed[-1]
