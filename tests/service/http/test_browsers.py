"""What browsers are told they may do with our answers."""

from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from service.settings import Settings
from tests.support.application import Connect
from tests.support.pictures import encoded

pytestmark = pytest.mark.anyio

PAGE = "https://shop.example"


@pytest.mark.parametrize("path", ["/models", "/models/wave/preview", "/nowhere", "/livez"])
async def test_every_answer_is_inert_and_kept_from_other_sites(
    client: httpx.AsyncClient, path: str
) -> None:
    headers = (await client.get(path)).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert headers["cross-origin-resource-policy"] == "same-origin"


async def test_a_picture_comes_with_a_name_to_save_it_under(
    client: httpx.AsyncClient, photograph: NDArray[np.uint8]
) -> None:
    url = "/stylize/wave?format=webp"
    answer = await client.post(url, files={"image": encoded(photograph[:32, :32])})
    assert answer.headers["content-disposition"] == 'inline; filename="wave.webp"'
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_unforeseen_failure_is_inert_too(
    connect: Connect, photograph: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connect(cors_origins=PAGE) as client:
        monkeypatch.setattr("service.images.codec.encode", lambda *_: 1 / 0)
        sent, body = {"Origin": PAGE}, {"image": encoded(photograph[:32, :32])}
        failed = await client.post("/stylize/wave", files=body, headers=sent)
    assert failed.status_code == 500
    assert failed.headers["x-content-type-options"] == "nosniff"
    assert failed.headers["access-control-allow-origin"] == PAGE


async def test_the_documentation_may_load_its_scripts_but_not_be_framed(
    client: httpx.AsyncClient,
) -> None:
    page = await client.get("/docs")
    assert "swagger-ui" in page.text
    assert page.headers["content-security-policy"] == "frame-ancestors 'none'"


async def test_other_origins_are_told_nothing_by_default(client: httpx.AsyncClient) -> None:
    answer = await client.get("/models", headers={"Origin": PAGE})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}
    assert (await client.options("/upscale", headers=asked)).status_code == 405


async def test_an_origin_that_is_named_may_call_and_read_our_headers(
    connect: Connect, upscaler_store: Path, photograph: NDArray[np.uint8]
) -> None:
    origins = f"{PAGE},http://localhost:3000"
    async with connect(model_store=upscaler_store, cors_origins=origins) as client:
        asked = {
            "Origin": PAGE,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type, prefer",
        }
        preflight = await client.options("/upscale", headers=asked)
        body = {"image": encoded(photograph[:32, :32])}
        answer = await client.post("/upscale", files=body, headers={"Origin": PAGE})
        stranger = await client.get("/models", headers={"Origin": "https://evil.example"})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-origin"] == PAGE
    exposed = set(answer.headers["access-control-expose-headers"].lower().split(", "))
    ours = {name for name in answer.headers if name.startswith("x-")} - {"x-content-type-options"}
    assert ours | {"etag", "server-timing"} <= exposed
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "access-control-allow-origin" not in stranger.headers


async def test_pages_never_call_with_the_visitors_cookies(connect: Connect) -> None:
    async with connect(cors_origins="*") as client:
        answer = await client.get("/models", headers={"Origin": PAGE})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("origin", ["shop.example", "https://shop.example/", "https://a b", ""])
def test_an_origin_that_no_browser_would_send_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError):
        Settings(cors_origins=(origin,))


def test_origins_are_separated_by_commas_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PERCEPTUAL_CORS_ORIGINS", f"{PAGE},http://localhost:3000")
    assert Settings().cors_origins == (PAGE, "http://localhost:3000")
