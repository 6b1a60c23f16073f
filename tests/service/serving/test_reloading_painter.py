"""Styles of a Painter that are added, changed and removed while the service answers."""

import json
import re
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from service.app import create_app
from service.models.catalog import Model
from service.models.runtime import Runtime
from service.settings import Settings
from tests.support.application import until_ready
from tests.support.painter_store import (
    STYLES,
    painted,
    write_painter,
    write_store,
    write_style,
)
from tests.support.pictures import decoded, encoded

pytestmark = pytest.mark.anyio

Pixels = NDArray[np.uint8]

DAWN = [(1, 0.6, 0.4, 0.1, 0, 0)]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return write_store(tmp_path / "store")


@pytest.fixture
def version(store: Path) -> Path:
    return store / "painter" / "1"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models whose sessions were opened."""
    names: list[str] = []
    really = Runtime.open

    def noted(runtime: Runtime, model: Model) -> None:
        names.append(model.name)
        really(runtime, model)

    monkeypatch.setattr(Runtime, "open", noted)
    return names


class Service:
    """An app that polls its store."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def until_counted(self, outcome: str, model: str, count: int = 1) -> None:
        with anyio.fail_after(60):
            while await self.count(outcome, model) < count:  # noqa: ASYNC110
                await anyio.sleep(0.01)

    async def count(self, outcome: str, model: str) -> float:
        exposition = (await self.client.get("/metrics")).text
        sample = rf'perceptual_model_reloads_total\{{model="{model}",outcome="{outcome}"\}} (\S+)'
        found = re.search(sample, exposition)
        return float(found[1]) if found else 0

    async def names(self) -> list[str]:
        return [model["name"] for model in (await self.client.get("/models")).json()]

    async def paint(self, pixels: Pixels, style: str, **headers: str) -> httpx.Response:
        files = {"image": ("photograph.png", encoded(pixels))}
        return await self.client.post(f"/stylize/{style}", files=files, headers=headers)


@pytest.fixture
async def service(store: Path, opened: list[str]) -> AsyncIterator[Service]:
    app = create_app(Settings(model_store=store, model_poll_seconds=0.02))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        await until_ready(client)
        opened.clear()
        yield Service(client)


def is_by(row: Any, answer: httpx.Response, photograph: Pixels) -> bool:
    return bool(np.abs(decoded(answer).astype(int) - painted(photograph, row)).max() <= 1)


async def test_a_new_style_is_served_without_opening_the_network_again(
    service: Service, version: Path, opened: list[str], photograph: Pixels
) -> None:
    write_style(version / ".new", "dawn", DAWN)
    (version / ".new" / "styles" / "dawn").rename(version / "styles" / "dawn")
    await service.until_counted("loaded", "dawn")
    assert is_by(DAWN[0], await service.paint(photograph, "dawn"), photograph)
    assert await service.names() == ["dawn", *STYLES]
    assert opened == []
    assert await service.count("loaded", "painter") == 0
    assert await service.count("loaded", "dusk") == 0


async def test_changed_rows_are_painted_by_and_are_another_answer(
    service: Service, version: Path, opened: list[str], photograph: Pixels
) -> None:
    before = await service.paint(photograph, "dusk")
    write_style(version, "dusk", DAWN)
    await service.until_counted("loaded", "dusk")
    after = await service.paint(photograph, "dusk", **{"If-None-Match": before.headers["etag"]})
    assert is_by(STYLES["dusk"][1], before, photograph)
    assert is_by(DAWN[0], after, photograph)
    assert before.headers["x-model-digest"] == after.headers["x-model-digest"]
    assert opened == []


async def test_a_changed_card_is_shown(service: Service, version: Path) -> None:
    card = version / "styles" / "dusk" / "card.json"
    card.write_text(json.dumps({**json.loads(card.read_text()), "title": "Late dusk"}))
    await service.until_counted("loaded", "dusk")
    assert (await service.client.get("/models/dusk")).json()["title"] == "Late dusk"


async def test_a_style_that_is_gone_is_served_no_more(
    service: Service, version: Path, photograph: Pixels
) -> None:
    shutil.rmtree(version / "styles" / "dusk")
    await service.until_counted("removed", "dusk")
    assert (await service.paint(photograph, "dusk")).status_code == 404
    assert (await service.paint(photograph, "meadow")).status_code == 200


def write_wide_rows(version: Path) -> None:
    write_style(version, "dawn", [[0.5] * 7])


def write_what_is_no_number(version: Path) -> None:
    write_style(version, "dawn", [[float("nan")] * 6])


def forget_the_card(version: Path) -> None:
    (write_style(version, "dawn", DAWN) / "card.json").unlink()


@pytest.mark.parametrize("spoil", [write_wide_rows, write_what_is_no_number, forget_the_card])
async def test_a_style_that_is_not_right_is_refused_and_the_painter_stays_as_it_was(
    service: Service,
    version: Path,
    photograph: Pixels,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], None],
) -> None:
    spoil(version)
    await service.until_counted("refused", "painter")
    logged = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "model painter stays at version 1: " in logged[-1]
    assert "styles/dawn/" in logged[-1]
    assert await service.names() == list(STYLES)
    assert is_by(STYLES["dusk"][1], await service.paint(photograph, "dusk"), photograph)

    write_style(version, "dawn", DAWN)
    await service.until_counted("loaded", "dawn")


async def test_a_new_version_has_a_session_and_styles_of_its_own(
    service: Service, store: Path, opened: list[str], photograph: Pixels
) -> None:
    written = write_painter(store / ".new", number=2, brightness=0.5)
    write_style(written, "dusk", STYLES["dusk"])
    written.rename(store / "painter" / "2")
    await service.until_counted("loaded", "painter")
    assert opened == ["painter"]
    assert await service.names() == ["dusk"]
    dim = np.array(STYLES["dusk"][1]) / 2
    assert is_by(dim, await service.paint(photograph, "dusk"), photograph)


async def test_a_style_that_takes_the_name_of_a_model_is_refused_until_that_is_gone(
    service: Service, store: Path, version: Path
) -> None:
    other = write_painter(store / ".new" / "other")
    write_style(other, "dusk", DAWN)
    other.parent.rename(store / "other")
    await service.until_counted("refused", "other")
    assert (await service.client.get("/models/dusk")).json()["model"] == "painter"
    shutil.rmtree(store / "painter")
    await service.until_counted("loaded", "other")
    assert (await service.client.get("/models/dusk")).json()["model"] == "other"
    assert await service.count("removed", "painter") == 1
