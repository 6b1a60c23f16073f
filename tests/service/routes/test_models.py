"""GET /models, metrics of requests by model, and the API's description."""

from io import BytesIO

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.pictures import encoded

pytestmark = pytest.mark.anyio


async def test_lists_every_model_with_its_card(client: httpx.AsyncClient) -> None:
    listed = {model["name"]: model for model in (await client.get("/models")).json()}
    assert listed["wave"]["kind"] == "stylize"
    assert listed["wave"]["version"] == 1
    assert listed["wave"]["digest"].startswith("sha256:")
    assert "Hokusai" in listed["wave"]["title"]


async def test_shows_one_model_with_its_recipe_and_losses(client: httpx.AsyncClient) -> None:
    card = (await client.get("/models/wave")).json()
    assert card["recipe"]["network"]["width"] > 0
    assert card["training"]["losses"]["total"] > 0


async def test_shows_a_preview(client: httpx.AsyncClient) -> None:
    preview = await client.get("/models/wave/preview")
    assert preview.headers["content-type"] == "image/jpeg"
    assert min(Image.open(BytesIO(preview.content)).size) >= 256


@pytest.mark.parametrize("path", ["/models/vawe", "/models/vawe/preview", "/models/..%2Fwave"])
async def test_an_unknown_model_is_404(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 404


async def test_metrics_count_requests_by_route_model_and_status(
    client: httpx.AsyncClient, photograph: NDArray[np.uint8]
) -> None:
    for path in ("/stylize/wave", "/stylize/wave", "/stylize/vawe"):
        await client.post(path, files={"image": encoded(photograph)})
    await client.get("/no/such/path")
    await client.post("/stylize/made-up?strength=9", files={"image": encoded(photograph)})
    exposition = (await client.get("/metrics")).text

    def sample(route: str, model: str, status: int) -> str:
        labels = f'model="{model}",route="{route}",status="{status}"'
        return f"perceptual_requests_total{{{labels}}}"

    assert f"{sample('/stylize/{style}', 'wave', 200)} 2.0" in exposition
    assert f"{sample('/stylize/{style}', '', 404)} 1.0" in exposition
    assert f"{sample('unmatched', '', 404)} 1.0" in exposition
    assert "made-up" not in exposition, "clients must not be able to add time series"
    assert "perceptual_queue_pixels 0.0" in exposition
    assert 'perceptual_stage_seconds_count{model="wave",stage="infer"} 2.0' in exposition
    assert "perceptual_batch_pixels_sum" in exposition


async def test_the_api_describes_its_parameters_and_problems(client: httpx.AsyncClient) -> None:
    description = (await client.get("/openapi.json")).json()
    stylize = description["paths"]["/stylize/{style}"]["post"]
    names = {parameter["name"] for parameter in stylize["parameters"]}
    assert names >= {"style", "strength", "preserve_color", "max_side", "format", "quality"}
    assert "multipart/form-data" in stylize["requestBody"]["content"]
    assert set(stylize["responses"]) >= {
        "200", "304", "400", "404", "413", "415", "422", "429", "503", "504",
    }  # fmt: skip
    assert (await client.get("/docs")).status_code == 200
