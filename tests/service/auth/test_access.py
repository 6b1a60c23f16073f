"""What needs an API key, and what a key may ask for."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.application import Connect
from tests.support.pictures import encoded

pytestmark = pytest.mark.anyio

KEY = {"Authorization": "Bearer secret"}


@pytest.fixture
def body(photograph: NDArray[np.uint8]) -> bytes:
    return encoded(photograph[:20, :50])  # 1000 pixels


def write_keys(folder: Path, *limits: str) -> Path:
    file = folder / "keys.toml"
    digest = hashlib.sha256(b"secret").hexdigest()
    other = hashlib.sha256(b"other").hexdigest()
    entry = "\n".join(["[[key]]", 'name = "shop"', f'sha256 = "{digest}"', *limits])
    file.write_text(f'{entry}\n[[key]]\nname = "other"\nsha256 = "{other}"\n')
    return file


@pytest.fixture
async def locked(
    connect: Connect, upscaler_store: Path, tmp_path: Path
) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(model_store=upscaler_store, api_keys=write_keys(tmp_path)) as client:
        yield client


async def upscale(
    client: httpx.AsyncClient, body: bytes, headers: dict[str, str] | None = None
) -> httpx.Response:
    sent = {"Content-Type": "image/png", **(headers or {})}
    return await client.post("/upscale", content=body, headers=sent)


@pytest.mark.parametrize("headers", [KEY, {"X-API-Key": "secret"}, {"x-api-key": "other"}])
async def test_a_known_key_is_served(
    locked: httpx.AsyncClient, body: bytes, headers: dict[str, str]
) -> None:
    assert (await upscale(locked, body, headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "secre"},
        {"X-API-Key": "secret\xff"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer Secret"},
        {"Authorization": "Basic secret"},
        {"Authorization": "Bearer wrong", "X-API-Key": "secret"},
        {"X-API-Key": hashlib.sha256(b"secret").hexdigest()},
    ],
)
async def test_no_key_or_a_wrong_one_is_401_with_a_challenge(
    locked: httpx.AsyncClient, body: bytes, headers: dict[str, str]
) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    refused = await upscale(locked, body, raw)  # type: ignore[arg-type]
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["www-authenticate"].startswith("Bearer ")


async def test_who_has_no_key_learns_nothing_of_parameters_or_models(
    locked: httpx.AsyncClient,
) -> None:
    for path in ("/upscale?factor=x", "/upscale?factor=3", "/stylize/wave"):
        assert (await locked.post(path)).status_code == 401


async def test_a_refused_body_is_not_read(locked: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        raise AssertionError("read")
        yield b""

    refused = await locked.post("/upscale", content=body(), headers={"X-API-Key": "wrong"})
    assert refused.status_code == 401


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/models", "/docs", "/openapi.json"])
async def test_reading_is_open_without_a_key(locked: httpx.AsyncClient, path: str) -> None:
    assert (await locked.get(path)).status_code == 200


async def test_the_api_description_says_which_operations_need_a_key(
    locked: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    with_keys = (await locked.get("/openapi.json")).json()
    assert {"HTTPBearer": []} in with_keys["paths"]["/upscale"]["post"]["security"]
    assert "401" in with_keys["paths"]["/upscale"]["post"]["responses"]
    assert "security" not in with_keys["paths"]["/models"]["get"]
    without = (await client.get("/openapi.json")).json()
    assert "security" not in json.dumps(without)


async def test_requests_over_the_limit_are_429_with_whole_seconds_to_wait(
    connect: Connect, upscaler_store: Path, tmp_path: Path, body: bytes
) -> None:
    keys = write_keys(tmp_path, "requests_per_minute = 2")
    async with connect(model_store=upscaler_store, api_keys=keys) as client:
        answers = [await upscale(client, body, KEY) for _ in range(3)]
        others = await upscale(client, body, {"X-API-Key": "other"})
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["content-type"] == "application/problem+json"
    assert 1 <= int(answers[2].headers["retry-after"]) <= 30
    assert others.status_code == 200


async def test_pixels_over_the_limit_are_429_before_they_are_decoded(
    connect: Connect, upscaler_store: Path, tmp_path: Path, body: bytes
) -> None:
    keys = write_keys(tmp_path, "megapixels_per_minute = 0.0015")
    async with connect(model_store=upscaler_store, api_keys=keys) as client:
        first = await upscale(client, body, KEY)
        second = await upscale(client, body, KEY)
        damaged = await upscale(client, body[:100], KEY)  # all that is there is the header
    assert first.status_code == 200
    assert second.status_code == damaged.status_code == 429
    assert 1 <= int(second.headers["retry-after"]) <= 20  # 500 pixels are missing of 25 a second


async def test_pixels_are_those_that_the_network_is_given(
    connect: Connect, tmp_path: Path, photograph: NDArray[np.uint8]
) -> None:
    large = encoded(photograph)  # 17,280 pixels, and 32 * 27 of them once shrunk
    keys = write_keys(tmp_path, "megapixels_per_minute = 0.002")
    async with connect(api_keys=keys) as client:
        url, sent = "/stylize/wave?max_side=32", {"Content-Type": "image/png", **KEY}
        answers = [await client.post(url, content=large, headers=sent) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]


async def test_tensors_need_a_key_and_are_charged_by_their_pixels(
    connect: Connect, tmp_path: Path
) -> None:
    tensors = {
        "image": ("UINT8", np.zeros((2, 16, 50, 3), np.uint8)),  # 1600 pixels
        "strength": ("FP32", np.ones((2, 1), np.float32)),
        "preserve_color": ("FP32", np.zeros((2, 1), np.float32)),
    }
    request = {
        "inputs": [
            {"name": name, "datatype": type, "shape": values.shape, "data": values.tolist()}
            for name, (type, values) in tensors.items()
        ]
    }
    keys = write_keys(tmp_path, "megapixels_per_minute = 0.002")
    async with connect(api_keys=keys) as client:
        answers = [
            await client.post("/v2/models/wave/infer", json=request, headers=headers)
            for headers in ({}, KEY, KEY)
        ]
    assert [answer.status_code for answer in answers] == [401, 200, 429]


async def test_while_a_large_picture_is_paid_off_no_body_is_read(
    connect: Connect, upscaler_store: Path, tmp_path: Path, body: bytes
) -> None:
    async def unread() -> AsyncIterator[bytes]:
        raise AssertionError("read")
        yield b""

    keys = write_keys(tmp_path, "megapixels_per_minute = 0.0005")
    async with connect(model_store=upscaler_store, api_keys=keys) as client:
        assert (await upscale(client, body, KEY)).status_code == 200
        sent = {"Content-Type": "image/png", **KEY}
        refused = await client.post("/upscale", content=unread(), headers=sent)
    assert refused.status_code == 429
