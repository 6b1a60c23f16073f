"""The Open Inference Protocol where its public client does not go: start-up, headers, OpenAPI."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from tests.support.application import Connect

pytestmark = pytest.mark.anyio

INFER = "/v2/models/wave/infer"


@pytest.fixture
async def loading(model_store: Path) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(model_store=model_store))  # its lifespan has not begun
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


async def test_while_models_load_the_server_is_live_and_not_ready(
    loading: httpx.AsyncClient,
) -> None:
    assert (await loading.get("/v2/health/live")).json() == {"live": True}
    for answer in (
        await loading.get("/v2/health/ready"),
        await loading.get("/v2/models/wave/ready"),
        await loading.get("/v2/models/wave"),
        await loading.post(INFER, json={}),
    ):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1


async def test_while_models_load_the_repository_says_so(loading: httpx.AsyncClient) -> None:
    listed = (await loading.post("/v2/repository/index")).json()
    assert {model["state"] for model in listed} == {"LOADING"}
    assert (await loading.post("/v2/repository/index", json={"ready": True})).json() == []


async def test_a_refusal_is_a_problem_that_says_the_same_as_error(
    client: httpx.AsyncClient,
) -> None:
    for refused in (
        await client.post(INFER, json={}),
        await client.get("/v2/models/vawe"),
        await client.get("/v2/nowhere"),
    ):
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["error"] == refused.json()["detail"]


@pytest.mark.parametrize("length", ["-1", "x", "1.5", "", "0x10", "9" * 5000, "\u00b2".encode()])
async def test_a_json_length_that_is_no_number_is_400_naming_the_header(
    client: httpx.AsyncClient, length: str | bytes
) -> None:
    headers: Any = {"Inference-Header-Content-Length": length}
    refused = await client.post(INFER, content=b"{}", headers=headers)
    assert refused.status_code == 400
    assert "Inference-Header-Content-Length" in refused.json()["error"]


async def test_an_answer_too_long_for_json_is_413_before_the_image_is_run(
    connect: Connect, upscaler_store: Path
) -> None:
    shape = [1, 150, 150, 3]
    image = {
        "name": "image",
        "datatype": "UINT8",
        "shape": shape,
        "data": [0] * (150 * 150 * 3),
    }
    async with connect(model_store=upscaler_store) as client:
        url = "/v2/models/upscale_x8_feature/infer"
        refused = await client.post(url, json={"inputs": [image]})
        assert "perceptual_batch_images_count" not in (await client.get("/metrics")).text
    assert refused.status_code == 413
    assert "with binary_data it fits" in refused.json()["error"]


async def test_every_reference_of_the_api_description_leads_somewhere(
    loading: httpx.AsyncClient,
) -> None:
    description = (await loading.get("/openapi.json")).json()
    references = set(references_in(description))
    assert references
    for reference in references:
        found = description
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def references_in(document: object) -> Iterator[str]:
    if isinstance(document, dict):
        if "$ref" in document:
            yield document["$ref"]
        for value in document.values():
            yield from references_in(value)
    elif isinstance(document, list):
        for value in document:
            yield from references_in(value)
