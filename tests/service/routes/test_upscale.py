"""POST /upscale: what a picture becomes, and which are refused."""

import re
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import anyio
import httpx
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.application import Connect
from tests.support.pictures import decoded, encoded, file_of

pytestmark = pytest.mark.anyio

Pixels = NDArray[np.uint8]


@pytest.fixture
async def client(connect: Connect, upscaler_store: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(model_store=upscaler_store) as opened:
        yield opened


async def post(client: httpx.AsyncClient, body: bytes, **query: object) -> httpx.Response:
    return await client.post("/upscale", params=query, files={"image": body})  # type: ignore[arg-type]


async def upscaled(client: httpx.AsyncClient, pixels: Pixels, **query: object) -> Pixels:
    return decoded(await post(client, encoded(pixels), format="png", **query))


async def refused(client: httpx.AsyncClient, body: bytes, **query: object) -> tuple[int, str]:
    response = await post(client, body, **query)
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["detail"]


def run_whole(store: Path, name: str, pixels: Pixels) -> Pixels:
    session = onnxruntime.InferenceSession(store / name / "1" / "model.onnx")
    output: Pixels = session.run(["output"], {"image": pixels[np.newaxis]})[0][0]
    return output


def difference(one: Pixels, other: Pixels) -> int:
    assert one.shape == other.shape
    return int(np.abs(one.astype(np.int16) - other).max())


# What a picture becomes


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({}, "upscale_x4_feature"),
        ({"model": "pixel"}, "upscale_x4_pixel"),
        ({"factor": 8}, "upscale_x8_feature"),
        ({"factor": 8, "model": "feature"}, "upscale_x8_feature"),
    ],
)
async def test_answers_what_the_network_of_that_factor_and_model_computes(
    client: httpx.AsyncClient,
    upscaler_store: Path,
    photograph: Pixels,
    query: dict[str, object],
    name: str,
) -> None:
    response = await post(client, encoded(photograph), format="png", **query)
    assert response.headers["x-model"] == name
    assert difference(decoded(response), run_whole(upscaler_store, name, photograph)) <= 1


async def test_a_photograph_larger_than_a_tile_has_no_seam(
    client: httpx.AsyncClient, upscaler_store: Path, astronaut: Pixels
) -> None:
    whole = run_whole(upscaler_store, "upscale_x4_feature", astronaut)
    assert difference(await upscaled(client, astronaut), whole) <= 1


@pytest.mark.parametrize("size", [(1, 1), (16, 16), (1, 4000), (4000, 1), (255, 257), (37, 300)])
async def test_any_size_is_taken_and_each_side_grows_by_the_factor(
    client: httpx.AsyncClient, astronaut: Pixels, size: tuple[int, int]
) -> None:
    height, width = size
    image = np.resize(astronaut, (height, width, 3))
    assert (await upscaled(client, image)).shape == (4 * height, 4 * width, 3)


async def test_requests_share_the_device_and_each_gets_its_own_picture(
    client: httpx.AsyncClient, upscaler_store: Path, astronaut: Pixels
) -> None:
    pictures = [astronaut[:, :300], astronaut[::-1, :300], astronaut[100:150, :60]]
    answers: dict[int, Pixels] = {}

    async def ask(n: int) -> None:
        answers[n] = await upscaled(client, pictures[n])

    async with anyio.create_task_group() as clients:
        for n in range(len(pictures)):
            clients.start_soon(ask, n)
    for n, picture in enumerate(pictures):
        whole = run_whole(upscaler_store, "upscale_x4_feature", np.ascontiguousarray(picture))
        assert difference(answers[n], whole) <= 1


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
async def test_answers_in_the_format_asked_for(
    client: httpx.AsyncClient, photograph: Pixels, format: str
) -> None:
    response = await post(client, encoded(photograph), format=format)
    assert response.headers["content-type"] == f"image/{format}"
    assert Image.open(BytesIO(response.content)).format == format.upper()


# Transparency


async def test_alpha_grows_with_the_picture(client: httpx.AsyncClient, photograph: Pixels) -> None:
    alpha = np.tile(np.arange(100, 100 + photograph.shape[1], dtype=np.uint8), (120, 1))
    answer = await upscaled(client, np.dstack([photograph, alpha]))

    expected = Image.fromarray(alpha).resize((4 * 144, 4 * 120), Image.Resampling.BICUBIC)
    assert np.array_equal(answer[..., 3], np.asarray(expected))
    assert np.array_equal(answer[..., :3], await upscaled(client, photograph))


async def test_a_cut_out_has_no_fringe_of_what_was_under_its_transparent_pixels(
    client: httpx.AsyncClient,
) -> None:
    y, x = np.mgrid[:64, :64]
    disc = np.where(np.hypot(y - 32, x - 32) < 20, 255, 0).astype(np.uint8)
    white_on_black = np.dstack([disc, disc, disc, disc])

    answer = Image.fromarray(await upscaled(client, white_on_black))
    over_white = Image.new("RGBA", answer.size, "white")
    over_white.alpha_composite(answer)

    assert np.asarray(over_white).min() >= 254


# Headers


async def test_the_answer_says_what_made_it(client: httpx.AsyncClient, astronaut: Pixels) -> None:
    headers = (await post(client, encoded(astronaut, "jpeg"))).headers
    assert headers["x-model-digest"].startswith("sha256:")
    assert headers["x-execution-provider"] in ("cpu", "cuda")
    assert headers["content-type"] == "image/jpeg"
    stages = dict(re.findall(r"(\w+);dur=(\d+\.\d)", headers["server-timing"]))
    assert list(stages) == ["decode", "queue", "infer", "encode"]
    assert float(stages["infer"]) > 0


async def test_x_batch_size_is_that_of_the_largest_batch_of_tiles(
    connect: Connect, upscaler_store: Path, astronaut: Pixels
) -> None:
    async with connect(model_store=upscaler_store, max_batch_pixels=4 * 256 * 256) as client:
        response = await post(client, encoded(astronaut, "jpeg"))  # in 9 tiles
    # At first the scheduler tries two tiles together; whether it goes on is up to the device.
    assert response.headers["x-batch-size"] in ("2", "3", "4")


async def test_a_client_that_has_the_answer_gets_304(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    tag = (await post(client, encoded(photograph))).headers["etag"]
    files = {"image": encoded(photograph)}
    again = await client.post("/upscale", files=files, headers={"If-None-Match": tag})
    other = await client.post("/upscale?factor=8", files=files, headers={"If-None-Match": tag})
    assert (again.status_code, other.status_code) == (304, 200)


# Refused


async def test_an_unknown_factor_is_404_naming_those_there_are(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    status, detail = await refused(client, encoded(photograph), factor=3)
    assert status == 404
    assert "4 with model feature or pixel; 8 with model feature" in detail


async def test_a_model_that_a_factor_does_not_have_is_404(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    status, detail = await refused(client, encoded(photograph), factor=8, model="pixel")
    assert status == 404
    assert "'pixel' of factor 8" in detail


@pytest.mark.parametrize("query", ["factor=abc", "model=best", "quality=0", "format=gif"])
async def test_a_malformed_parameter_is_400_naming_it(
    client: httpx.AsyncClient, photograph: Pixels, query: str
) -> None:
    name, _, value = query.partition("=")
    status, detail = await refused(client, encoded(photograph), **{name: value})
    assert status == 400
    assert name in detail


async def test_without_upscalers_every_factor_is_404(
    connect: Connect, photograph: Pixels, model_store: Path, tmp_path: Path
) -> None:
    (tmp_path / "wave").symlink_to(model_store / "wave")
    async with connect(model_store=tmp_path) as client:
        status, detail = await refused(client, encoded(photograph))
    assert status == 404
    assert "none" in detail


@pytest.mark.parametrize("factor", [4, 8])
async def test_an_answer_over_the_limit_is_422_naming_the_largest_image_that_fits(
    connect: Connect, upscaler_store: Path, photograph: Pixels, factor: int
) -> None:
    async with connect(model_store=upscaler_store, max_upscaled_pixels=100_000) as client:
        status, detail = await refused(client, encoded(photograph), factor=factor)
        assert status == 422
        assert f"{factor * 144}x{factor * 120} = {factor**2 * 144 * 120} pixels" in detail
        assert "100000" in detail
        width, height = map(int, re.findall(r"image of (\d+)x(\d+) fits", detail)[0])
        fitting = np.resize(photograph, (height, width, 3))
        answer = await upscaled(client, fitting, factor=factor)
        assert 90_000 < answer.shape[0] * answer.shape[1] <= 100_000


@pytest.mark.parametrize(
    ("format", "asked"),
    [("webp", True), ("webp", False), ("jpeg", True), ("jpeg", False), ("avif", True)],
)
async def test_an_answer_longer_than_its_format_holds_is_422_before_any_inference(
    client: httpx.AsyncClient, format: str, asked: bool
) -> None:
    strip = Image.new("RGB", (16_376 if format == "jpeg" else 8193, 1))
    body = file_of(strip, "PNG" if asked else format)
    status, detail = await refused(client, body, **({"format": format} if asked else {}))
    assert status == 422
    assert f"{format} holds at most" in detail
    assert "perceptual_batch_images_count" not in (await client.get("/metrics")).text


async def test_a_deadline_that_passes_between_tiles_is_504(
    client: httpx.AsyncClient, astronaut: Pixels
) -> None:
    files = {"image": encoded(np.tile(astronaut, (4, 4, 1)), "jpeg")}
    answer = await client.post("/upscale", files=files, headers={"Prefer": "wait=0.3"})
    assert answer.status_code == 504
    assert "perceptual_queue_pixels 0.0" in (await client.get("/metrics")).text


async def test_a_tile_that_fails_is_500_and_the_next_picture_is_served(
    client: httpx.AsyncClient, astronaut: Pixels, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = encoded(astronaut, "jpeg")
    with monkeypatch.context() as broken:
        broken.setattr("service.models.runtime.Runtime.run", lambda *_: 1 / 0)
        assert (await refused(client, body))[0] == 500
    assert (await post(client, body)).status_code == 200


# What there is


async def test_get_models_lists_upscalers_with_their_cards(client: httpx.AsyncClient) -> None:
    listed = {model["name"]: model for model in (await client.get("/models")).json()}
    assert set(listed) == {"upscale_x4_feature", "upscale_x4_pixel", "upscale_x8_feature"}
    assert listed["upscale_x8_feature"].items() >= {
        "kind": "upscale",
        "factor": 8,
        "objective": "feature",
        "receptive_field": 2,
    }.items()  # fmt: skip


async def test_the_api_describes_its_parameters_and_problems(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()["paths"]["/upscale"]["post"]
    names = {parameter["name"] for parameter in described["parameters"]}
    assert names == {"factor", "model", "format", "quality"}
    assert set(described["responses"]) >= {"200", "304", "400", "404", "422", "429", "504"}
