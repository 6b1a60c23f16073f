"""GET /models where a Painter has the styles."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.application import Connect
from tests.support.painter_store import STYLES

pytestmark = pytest.mark.anyio


@pytest.fixture
async def client(connect: Connect, painter_store: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(model_store=painter_store) as opened:
        yield opened


async def test_every_style_is_listed_with_its_network_and_what_it_can(
    client: httpx.AsyncClient,
) -> None:
    listed = (await client.get("/models")).json()
    assert [model["name"] for model in listed] == list(STYLES)
    assert {model["model"] for model in listed} == {"painter"}
    assert [model["strokes"] for model in listed] == [[0.5, 2], [0.5, 2], [1, 1]]
    assert all(model["blends"] for model in listed)


async def test_a_style_is_shown_with_its_own_card_and_preview(client: httpx.AsyncClient) -> None:
    shown = (await client.get("/models/dusk")).json()
    assert (shown["kind"], shown["title"], shown["painter"]) == ("stylize", "Dusk", "Nobody")
    preview = await client.get("/models/dusk/preview")
    assert (preview.headers["content-type"], preview.content) == ("image/jpeg", b"a picture")


async def test_the_network_is_no_style(client: httpx.AsyncClient) -> None:
    for path in ("/models/painter", "/models/painter/preview"):
        assert (await client.get(path)).status_code == 404


async def test_the_api_describes_blend_and_stroke(client: httpx.AsyncClient) -> None:
    description = (await client.get("/openapi.json")).json()
    described = description["paths"]["/stylize/{style}"]["post"]["parameters"]
    parameters = {parameter["name"]: parameter for parameter in described}
    blend, _ = parameters["blend"]["schema"]["anyOf"]
    assert blend["type"] == "string"
    assert "NAME:WEIGHT" in parameters["blend"]["description"]
    stroke = parameters["stroke"]["schema"]
    assert (stroke["minimum"], stroke["maximum"], stroke["default"]) == (0.5, 2, 1)
