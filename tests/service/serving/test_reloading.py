"""Models that are replaced, added and removed while the service answers."""

import asyncio
import gc
import hashlib
import logging
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from service.app import create_app
from service.settings import Settings
from tests.support.application import until_ready
from tests.support.pictures import decoded, encoded
from tests.support.upscalers import write_upscaler

pytestmark = pytest.mark.anyio

Pixels = NDArray[np.uint8]
NAME = "upscale_x4_feature"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Of one model, to change."""
    write_version(tmp_path / "store", 1)
    return tmp_path / "store"


def write_version(store: Path, number: int, name: str = NAME) -> Path:
    """Puts a version, of a network that only this number has, into the store at once."""
    written = write_upscaler(store / ".new", 4, "feature", seed=number, number=number)
    (store / name).mkdir(exist_ok=True)
    return written.rename(store / name / str(number))


class Service:
    """An app that reads its store again when it is told to."""

    def __init__(self, client: httpx.AsyncClient, reload: Callable[[], None]) -> None:
        self.client = client
        self._reload = reload

    async def reload(self, outcome: str, model: str = NAME) -> None:
        """Reads the store again; returns once that came to this for a model."""
        before = await self.count(outcome, model)
        self._reload()
        await self.until_counted(outcome, model, above=before)

    async def until_counted(self, outcome: str, model: str = NAME, above: float = 0) -> None:
        with anyio.fail_after(60):
            while await self.count(outcome, model) == above:  # noqa: ASYNC110
                await anyio.sleep(0.01)

    async def count(self, outcome: str, model: str = NAME) -> float:
        exposition = (await self.client.get("/metrics")).text
        sample = f'perceptual_model_reloads_total{{model="{model}",outcome="{outcome}"}} '
        return sum(
            float(line.removeprefix(sample))
            for line in exposition.splitlines()
            if line.startswith(sample)
        )

    async def upscale(self, content: Any, **headers: str) -> httpx.Response:
        headers = {"Content-Type": "image/png", **headers}
        return await self.client.post("/upscale", content=content, headers=headers)


@asynccontextmanager
async def serving(store: Path, **settings: Any) -> AsyncIterator[Service]:
    app = create_app(Settings(model_store=store, execution_provider="cpu", **settings))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        await until_ready(client)
        yield Service(client, app.state.reloading.ask)


@pytest.fixture
async def service(store: Path) -> AsyncIterator[Service]:
    async with serving(store) as opened:
        yield opened


@pytest.fixture
def png(photograph: Pixels) -> bytes:
    return encoded(photograph)


def digest(version: Path) -> str:
    return f"sha256:{hashlib.sha256((version / 'model.onnx').read_bytes()).hexdigest()}"


def is_by(version: Path, answer: httpx.Response, photograph: Pixels) -> bool:
    """Whether the answer names this version, and is its picture."""
    session = onnxruntime.InferenceSession(version / "model.onnx")
    expected = session.run(["output"], {"image": photograph[np.newaxis]})[0][0]
    same = np.abs(decoded(answer).astype(int) - expected).max() <= 1
    return bool(same) and answer.headers["x-model-digest"] == digest(version)


async def test_a_new_version_takes_the_place_of_the_old_one(
    service: Service, store: Path, png: bytes, photograph: Pixels
) -> None:
    before = await service.upscale(png)
    new = write_version(store, 2)
    await service.reload("loaded")
    after = await service.upscale(png, **{"If-None-Match": before.headers["etag"]})

    assert is_by(store / NAME / "1", before, photograph)
    assert is_by(new, after, photograph)
    (listed,) = (await service.client.get("/models")).json()
    assert (listed["version"], listed["digest"]) == (2, digest(new))
    exposition = (await service.client.get("/metrics")).text
    (gauge,) = (line for line in exposition.splitlines() if line.startswith("perceptual_model{"))
    assert 'version="2"' in gauge


async def test_a_request_keeps_the_model_that_it_began_with(
    service: Service,
    store: Path,
    png: bytes,
    photograph: Pixels,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    uploading, replaced = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        uploading.set()
        yield png[:1000]
        await replaced.wait()
        yield png[1000:]

    sending = asyncio.create_task(service.upscale(slowly()))
    await uploading.wait()
    write_version(store, 2)
    await service.reload("loaded")
    assert "its last request is done" not in caplog.text
    replaced.set()
    assert is_by(store / NAME / "1", await sending, photograph)
    gc.collect()
    assert "version 1" in caplog.text.partition("its last request is done")[0].splitlines()[-1]


async def test_going_back_is_removing_the_newest_version(
    service: Service, store: Path, png: bytes, photograph: Pixels
) -> None:
    shutil.rmtree(write_version(store, 2))
    write_version(store, 3)
    await service.reload("loaded")
    shutil.rmtree(store / NAME / "3")
    await service.reload("loaded")
    assert is_by(store / NAME / "1", await service.upscale(png), photograph)


def truncate(version: Path) -> None:
    content = (version / "model.onnx").read_bytes()
    (version / "model.onnx").write_bytes(content[: len(content) // 2])


def damage(version: Path) -> None:
    """The network of another seed, as if weights had changed on their way."""
    other = write_upscaler(version.parent.parent / ".other", 4, "feature", seed=99)
    shutil.copy(other / "model.onnx", version)


def forget_the_golden_output(version: Path) -> None:
    (version / "model.golden.npz").unlink()


def rename_an_input(version: Path) -> None:
    with np.load(version / "model.golden.npz") as pair:
        arrays = dict(pair)
    np.savez(version / "model.golden.npz", strength=np.float32([1, 1]), **arrays)


def break_the_card(version: Path) -> None:
    (version / "card.json").write_text("{")


@pytest.mark.parametrize(
    "spoil", [truncate, damage, forget_the_golden_output, rename_an_input, break_the_card]
)
async def test_a_version_that_is_not_right_is_refused_and_the_old_one_goes_on(
    service: Service,
    store: Path,
    png: bytes,
    photograph: Pixels,
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[Path], None],
) -> None:
    prepared = write_version(store, 2, name=".prepared")
    spoil(prepared)
    prepared.rename(store / NAME / "2")
    await service.reload("refused")

    (line,) = (record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert f"model {NAME} stays at version 1" in line
    assert f"{NAME}/2/" in line
    assert is_by(store / NAME / "1", await service.upscale(png), photograph)
    assert (await service.client.get("/readyz")).status_code == 200

    shutil.rmtree(store / NAME / "2")
    new = write_version(store, 2)
    await service.reload("loaded")
    assert is_by(new, await service.upscale(png), photograph)


async def test_models_come_and_go(service: Service, store: Path) -> None:
    write_version(store, 1, name="another")
    await service.reload("loaded", model="another")
    assert (await service.client.get("/models/another")).status_code == 200
    shutil.rmtree(store / "another")
    await service.reload("removed", model="another")
    assert (await service.client.get("/models/another")).status_code == 404


async def test_one_that_is_refused_keeps_no_other_from_its_place(
    service: Service, store: Path
) -> None:
    (store / "broken" / "1").mkdir(parents=True)
    write_version(store, 2)
    await service.reload("loaded")
    assert await service.count("refused", "broken") == 1
    listed = (await service.client.get("/models")).json()
    assert [(model["name"], model["version"]) for model in listed] == [(NAME, 2)]


async def test_a_store_that_is_gone_changes_nothing(
    service: Service, store: Path, png: bytes
) -> None:
    shutil.move(store, store.with_name("elsewhere"))
    await service.reload("refused", model="")
    assert (await service.upscale(png)).status_code == 200


async def test_what_is_as_it_was_is_not_loaded_again(service: Service, store: Path) -> None:
    write_version(store, 1, name="another")
    await service.reload("loaded", model="another")
    assert await service.count("loaded") == 0


async def test_with_polling_nobody_has_to_tell(store: Path) -> None:
    async with serving(store, model_poll_seconds=0.02) as service:
        write_version(store, 2)
        await service.until_counted("loaded")
