"""A Painter by the Open Inference Protocol: its row is a tensor, and Triton would serve it so."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.application import Connect
from tests.support.painter_store import STYLES, WIDTH, painted

pytestmark = pytest.mark.anyio

INFER = "/v2/models/painter/infer"
ROWS = np.array([STYLES["dusk"][1], STYLES["meadow"][1], STYLES["negative"][0]], np.float32)


@pytest.fixture
async def client(connect: Connect, painter_store: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(model_store=painter_store) as opened:
        yield opened


def tensor(name: str, array: NDArray[Any]) -> dict[str, Any]:
    datatype = {"uint8": "UINT8", "float32": "FP32"}[array.dtype.name]
    data = array.ravel().tolist()
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": data}


def request(images: NDArray[np.uint8], rows: NDArray[np.float32]) -> dict[str, Any]:
    ones = np.ones((len(images), 1), np.float32)
    inputs = {"image": images, "style": rows, "strength": ones, "preserve_color": 0 * ones}
    return {"inputs": [tensor(name, array) for name, array in inputs.items()]}


async def test_the_network_is_described_and_its_styles_are_no_models(
    client: httpx.AsyncClient,
) -> None:
    described = (await client.get("/v2/models/painter")).json()
    assert {each["name"]: each["shape"] for each in described["inputs"]} == {
        "image": [-1, -1, -1, 3],
        "style": [-1, WIDTH],
        "strength": [-1, 1],
        "preserve_color": [-1, 1],
    }
    listed = (await client.post("/v2/repository/index")).json()
    assert [model["name"] for model in listed] == ["painter"]
    assert (await client.get("/v2/models/dusk")).status_code == 404


async def test_each_image_is_painted_by_its_own_row(
    client: httpx.AsyncClient, photograph: NDArray[np.uint8]
) -> None:
    images = np.repeat(photograph[np.newaxis, :20, :24], len(ROWS), axis=0)
    answer = await client.post(INFER, json=request(images, ROWS))
    (output,) = answer.json()["outputs"]
    pixels = np.array(output["data"]).reshape(output["shape"])
    expected = [painted(image, row) for image, row in zip(images, ROWS, strict=True)]
    assert np.abs(pixels - np.stack(expected)).max() <= 1
    assert answer.headers["x-model"] == "painter"


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        (np.zeros((1, WIDTH + 1), np.float32), f"[-1, {WIDTH}] is needed"),
        (np.zeros(WIDTH, np.float32), f"[-1, {WIDTH}] is needed"),
        (np.zeros((2, WIDTH), np.float32), "same first dimension"),
        (np.full((1, WIDTH), 1e39), "'style'"),
    ],
)
async def test_a_row_unlike_the_network_s_is_400(
    client: httpx.AsyncClient, rows: NDArray[Any], named: str
) -> None:
    asked = request(np.zeros((1, 16, 16, 3), np.uint8), np.zeros((1, WIDTH), np.float32))
    asked["inputs"][1] |= {"shape": list(rows.shape), "data": rows.ravel().tolist()}
    refused = await client.post(INFER, json=asked)
    assert refused.status_code == 400
    assert named in refused.json()["error"]


async def test_a_row_may_have_numbers_of_any_size(client: httpx.AsyncClient) -> None:
    images = np.full((1, 16, 16, 3), 100, np.uint8)
    row = np.array([[-3, 2, 2, 4, 0, 0]], np.float32)
    answer = await client.post(INFER, json=request(images, row))
    assert answer.json()["outputs"][0]["data"][:3] == [255, 200, 200]
