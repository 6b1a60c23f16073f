"""POST /stylize/{style}: what a picture becomes."""

import shutil
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from tests.support.application import Connect
from tests.support.checkout import ROOT
from tests.support.pictures import decoded, encoded
from trainer import weights_file
from trainer.networks.served import ServedStyleNet

pytestmark = pytest.mark.anyio

Pixels = NDArray[np.uint8]

WEIGHTS = ROOT / "trainer" / "weights"


async def stylized(client: httpx.AsyncClient, pixels: Pixels, **query: object) -> Pixels:
    response = await client.post(
        "/stylize/wave",
        params={"format": "png", **query},
        files={"image": ("photograph.png", encoded(pixels))},
    )
    return decoded(response)


def difference(a: Pixels, b: Pixels) -> NDArray[np.int16]:
    return np.abs(a.astype(np.int16) - b)


def luma(pixels: Pixels) -> NDArray[np.float64]:
    return pixels @ np.array([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def painted(photograph: Pixels) -> Pixels:
    """By the trainer's PyTorch network."""
    network = ServedStyleNet(weights_file.load(WEIGHTS / "wave.safetensors").network)
    with torch.no_grad():
        image = torch.from_numpy(photograph)[None]
        output: Pixels = network(image, torch.ones(1), torch.zeros(1))[0].numpy()
    return output


async def test_answers_what_the_trainer_s_pytorch_network_computes(
    connect: Connect, model_store: Path, tmp_path: Path, photograph: Pixels, painted: Pixels
) -> None:
    in_floats = tmp_path / "store"
    shutil.copytree(model_store, in_floats, ignore=shutil.ignore_patterns("*.int8.*"))
    async with connect(model_store=in_floats) as client:
        assert difference(await stylized(client, photograph), painted).max() <= 1


async def test_answers_nearly_that_in_8_bit_integers(
    client: httpx.AsyncClient, photograph: Pixels, painted: Pixels
) -> None:
    assert difference(await stylized(client, photograph), painted).mean() < 2


async def test_takes_a_multipart_field_or_the_raw_body(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    body = encoded(photograph)
    field = await client.post("/stylize/wave", files={"image": body})
    raw = await client.post("/stylize/wave", content=body, headers={"Content-Type": "image/png"})

    assert decoded(raw).shape == photograph.shape
    assert raw.content == field.content


@pytest.mark.parametrize("size", [(16, 16), (17, 31), (90, 63)])
async def test_answers_an_image_of_the_same_size(
    client: httpx.AsyncClient, photograph: Pixels, size: tuple[int, int]
) -> None:
    height, width = size
    assert (await stylized(client, photograph[:height, :width])).shape == (height, width, 3)


async def test_strength_0_gives_the_photograph_back(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    assert np.array_equal(await stylized(client, photograph, strength=0), photograph)


async def test_strength_blends_the_photograph_with_its_stylisation(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    full = await stylized(client, photograph)
    half = await stylized(client, photograph, strength=0.5)
    blended = (full.astype(np.int16) + photograph) / 2
    assert np.abs(half - blended).max() <= 1


async def test_preserve_color_keeps_the_chroma_and_takes_the_luma_of_the_stylisation(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    plain = await stylized(client, photograph)
    recolored = await stylized(client, photograph, preserve_color=True)
    unclipped = ((recolored > 0) & (recolored < 255)).all(axis=-1)
    assert unclipped.mean() > 0.5

    for channel in (0, 2):  # red and blue less luma: Cr and Cb up to a factor
        before = photograph[..., channel] - luma(photograph)
        after = recolored[..., channel] - luma(recolored)
        assert np.abs(after - before)[unclipped].max() <= 1.5
    assert np.abs(luma(recolored) - luma(plain))[unclipped].max() <= 1.5
    assert difference(recolored, plain).mean() > 5


async def test_max_side_shrinks_the_picture_before_it_is_stylized(
    client: httpx.AsyncClient, astronaut: Pixels
) -> None:
    wide = np.ascontiguousarray(astronaut[:256])  # 256 x 512
    assert (await stylized(client, wide, max_side=128)).shape == (64, 128, 3)


async def test_alpha_is_carried_over(client: httpx.AsyncClient, photograph: Pixels) -> None:
    alpha = np.tile(np.arange(photograph.shape[1], dtype=np.uint8), (photograph.shape[0], 1))
    cut_out = np.dstack([photograph, alpha])

    answer = await stylized(client, cut_out)
    assert np.array_equal(answer[..., 3], alpha)
    assert np.array_equal(answer[..., :3], await stylized(client, photograph))


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
async def test_answers_in_the_format_asked_for(
    client: httpx.AsyncClient, photograph: Pixels, format: str
) -> None:
    response = await client.post(
        "/stylize/wave", params={"format": format}, files={"image": encoded(photograph)}
    )
    assert response.headers["content-type"] == f"image/{format}"
    assert Image.open(BytesIO(response.content)).format == format.upper()


async def test_without_format_the_accept_header_decides_and_then_the_input(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    async def answered(accept: str) -> str:
        files = {"image": encoded(photograph, "webp")}
        response = await client.post("/stylize/wave", files=files, headers={"Accept": accept})
        return str(response.headers["content-type"])

    assert await answered("image/avif;q=0.5, image/png") == "image/png"
    assert await answered("*/*") == "image/webp"
    assert await answered("text/html, image/*;q=0.8") == "image/webp"


async def test_quality_sets_the_size_of_the_answer(
    client: httpx.AsyncClient, photograph: Pixels
) -> None:
    async def size(quality: int) -> int:
        params = {"format": "jpeg", "quality": quality}
        files = {"image": encoded(photograph)}
        return len((await client.post("/stylize/wave", params=params, files=files)).content)

    assert await size(30) < await size(80) < await size(98)
