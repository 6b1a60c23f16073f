"""Every error is a clear application/problem+json, and the service goes on."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from service.app import create_app
from service.images import codec
from service.problems import QueueFull
from service.scheduling.scheduler import Scheduler
from service.settings import Settings
from tests.support.application import Connect
from tests.support.pictures import encoded

pytestmark = pytest.mark.anyio

JPEG = {"Content-Type": "image/jpeg"}


@pytest.fixture
def body(photograph: NDArray[np.uint8]) -> bytes:
    return encoded(photograph, "jpeg")


class Trickle:
    """A body of 100 KiB in chunks of 1 KiB, which knows how much of it was asked for."""

    read = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(100):
            self.read += 1024
            yield bytes(1024)


def problem(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == response.status_code
    assert document["title"]
    return response.status_code, document["detail"]


async def test_an_unknown_style_is_404_naming_the_known_ones(
    client: httpx.AsyncClient, body: bytes
) -> None:
    status, detail = problem(await client.post("/stylize/vawe", content=body, headers=JPEG))
    assert status == 404
    assert "vawe" in detail
    assert "wave" in detail


async def test_the_description_has_problems_for_errors_and_nothing_else(
    client: httpx.AsyncClient,
) -> None:
    described = (await client.get("/openapi.json")).json()
    for path, operations in described["paths"].items():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert list(response["content"]) == ["application/problem+json"], path
    assert "HTTPValidationError" not in described["components"]["schemas"]


async def test_an_unknown_path_is_404_and_a_wrong_method_405(client: httpx.AsyncClient) -> None:
    assert problem(await client.get("/paint"))[0] == 404
    wrong = await client.get("/stylize/wave")
    assert problem(wrong)[0] == 405
    assert wrong.headers["allow"] == "POST"


@pytest.mark.parametrize(
    "query",
    ["strength=2", "strength=x", "quality=0", "format=gif", "max_side=1", "preserve_color=maybe"],
)
async def test_a_parameter_out_of_range_is_400_naming_it(
    client: httpx.AsyncClient, body: bytes, query: str
) -> None:
    response = await client.post(f"/stylize/wave?{query}", content=body, headers=JPEG)
    status, detail = problem(response)
    assert status == 400
    assert query.partition("=")[0] in detail


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (
            "/stylize/wave?strenght=0.5",
            "blend, format, max_side, preserve_color, quality, strength, stroke",
        ),
        (
            "/stylize/wave?size=100",
            "blend, format, max_side, preserve_color, quality, strength, stroke",
        ),
        ("/upscale?factr=4", "factor, format, model, quality"),
        ("/upscale?max_side=100", "factor, format, model, quality"),
    ],
)
async def test_an_unknown_parameter_is_400_naming_those_that_there_are(
    connect: Connect, upscaler_store: Path, model_store: Path, body: bytes, path: str, named: str
) -> None:
    store = model_store if path.startswith("/stylize") else upscaler_store
    async with connect(model_store=store) as client:
        status, detail = problem(await client.post(path, content=body, headers=JPEG))
    unknown = path.partition("?")[2].partition("=")[0]
    assert (status, detail) == (
        400,
        f"query: there is no parameter {unknown}; there are: {named}",
    )


async def test_a_multipart_body_without_the_field_is_400_naming_it(
    client: httpx.AsyncClient, body: bytes
) -> None:
    status, detail = problem(await client.post("/stylize/wave", files={"photo": body}))
    assert status == 400
    assert "'image'" in detail


async def test_a_multipart_body_with_two_images_is_400(
    client: httpx.AsyncClient, body: bytes
) -> None:
    files = [("image", body), ("image", body)]
    assert problem(await client.post("/stylize/wave", files=files))[0] == 400


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"--x\r\nContent-Disposition: form-da", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data"),
    ],
)
async def test_a_malformed_multipart_body_is_400(
    client: httpx.AsyncClient, content: bytes, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    response = await client.post("/stylize/wave", content=content, headers=headers)
    assert problem(response)[0] == 400


async def test_a_wait_that_is_no_number_is_400(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {**JPEG, "Prefer": "wait=soon"}
    assert problem(await client.post("/stylize/wave", content=body, headers=headers))[0] == 400


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
async def test_a_body_that_does_not_claim_to_be_an_image_is_415(
    client: httpx.AsyncClient, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    response = await client.post("/stylize/wave", content=b"{}", headers=headers)
    assert problem(response)[0] == 415


@pytest.mark.parametrize("content", [b"", b"not an image", b"<svg xmlns='...'/>", b"%PDF-1.7"])
async def test_bytes_that_are_no_image_we_take_are_415(
    client: httpx.AsyncClient, content: bytes
) -> None:
    response = await client.post("/stylize/wave", content=content, headers=JPEG)
    assert problem(response)[0] == 415


async def test_a_truncated_image_is_422_and_the_next_good_one_is_served(
    client: httpx.AsyncClient, body: bytes
) -> None:
    half = body[: len(body) // 2]
    assert problem(await client.post("/stylize/wave", content=half, headers=JPEG))[0] == 422
    assert (await client.post("/stylize/wave", content=body, headers=JPEG)).status_code == 200


async def test_an_image_over_the_pixel_limit_is_422_with_both_numbers(
    connect: Connect, body: bytes
) -> None:
    async with connect(max_image_pixels=10_000) as client:
        status, detail = problem(await client.post("/stylize/wave", content=body, headers=JPEG))
    assert status == 422
    assert str(120 * 144) in detail
    assert "10000" in detail


async def test_an_image_too_large_to_stylize_is_422_with_the_max_side_that_fits(
    connect: Connect, body: bytes
) -> None:
    async with connect(max_stylize_pixels=10_000) as client:
        refused = await client.post("/stylize/wave", content=body, headers=JPEG)
        status, detail = problem(refused)
        assert status == 422
        (fitting,) = re.findall(r"max_side=(\d+)", detail)
        assert refused.json()["max_side"] == int(fitting)
        url = f"/stylize/wave?max_side={fitting}"
        assert (await client.post(url, content=body, headers=JPEG)).status_code == 200


async def test_an_answer_longer_than_its_format_holds_is_422_before_it_is_stylized(
    connect: Connect, photograph: NDArray[np.uint8]
) -> None:
    strip = encoded(np.resize(photograph, (16, 16_384, 3)))
    async with connect() as client:
        refused = await client.post("/stylize/wave?format=webp", files={"image": strip})
        assert "perceptual_batch_images_count" not in (await client.get("/metrics")).text
    status, detail = problem(refused)
    assert status == 422
    assert "webp holds at most 16383" in detail


async def test_a_body_that_announces_too_much_is_413_and_is_not_read(connect: Connect) -> None:
    body = Trickle()
    async with connect(max_body_bytes=4096) as client:
        headers = {**JPEG, "Content-Length": "102400"}
        response = await client.post("/stylize/wave", content=body, headers=headers)
    status, detail = problem(response)
    assert status == 413
    assert "4,096" in detail
    assert body.read <= 1024


async def test_a_body_that_grows_too_large_is_413_as_soon_as_it_does(connect: Connect) -> None:
    body = Trickle()
    async with connect(max_body_bytes=4096) as client:
        response = await client.post("/stylize/wave", content=body, headers=JPEG)
    assert problem(response)[0] == 413
    assert body.read <= 6 * 1024


async def test_while_models_load_requests_are_503_and_livez_is_200(
    model_store: Path, body: bytes
) -> None:
    app = create_app(Settings(model_store=model_store))  # its lifespan has not begun
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        assert (await client.get("/livez")).status_code == 200
        for response in (
            await client.get("/readyz"),
            await client.post("/stylize/wave", content=body, headers=JPEG),
        ):
            assert problem(response)[0] == 503
            assert int(response.headers["retry-after"]) >= 1


async def test_an_unforeseen_failure_is_500_with_the_request_id_and_the_next_one_is_served(
    connect: Connect, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connect() as client:
        with monkeypatch.context() as broken:
            broken.setattr("service.images.codec.encode", lambda *_: 1 / 0)
            headers = {**JPEG, "X-Request-ID": "unlucky"}
            response = await client.post("/stylize/wave", content=body, headers=headers)
        assert problem(response)[0] == 500
        assert response.headers["x-request-id"] == "unlucky"
        assert (await client.post("/stylize/wave", content=body, headers=JPEG)).status_code == 200


@pytest.mark.parametrize(
    "step",
    [
        "service.images.codec._check_header",
        "service.images.sizes.stylized",
        "service.images.color.to_eight_bits",
        "service.images.color.to_srgb",
        "service.images.jpeg.decode",
    ],
)
async def test_a_fault_of_ours_in_decoding_is_a_logged_500_and_not_a_broken_image(
    client: httpx.AsyncClient,
    photograph: NDArray[np.uint8],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
) -> None:
    monkeypatch.setattr(step, lambda *_: 1 / 0)
    files = {"image": encoded(photograph, "jpeg" if "jpeg" in step else "png")}
    response = await client.post("/stylize/wave", files=files)
    assert problem(response)[0] == 500
    assert "ZeroDivisionError" in caplog.text


async def test_a_full_queue_is_429_with_retry_after(
    connect: Connect, astronaut: NDArray[np.uint8]
) -> None:
    large = encoded(astronaut, "jpeg")
    responses: list[httpx.Response] = []

    async with connect(max_queue_pixels=512 * 512, max_batch_size=1) as client:

        async def post() -> None:
            responses.append(await client.post("/stylize/wave", content=large, headers=JPEG))

        async with anyio.create_task_group() as clients:
            for _ in range(6):
                clients.start_soon(post)

    refused = [response for response in responses if response.status_code == 429]
    assert refused
    assert {response.status_code for response in responses} == {200, 429}
    for response in refused:
        assert problem(response)[0] == 429
        assert int(response.headers["retry-after"]) >= 1


async def test_memory_that_runs_out_beside_the_network_is_503_too(
    client: httpx.AsyncClient, body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(codec, "encode", exhausted)
    response = await client.post("/stylize/wave", content=body, headers=JPEG)
    assert problem(response)[0] == 503
    assert response.headers["retry-after"] == "1"


async def test_a_full_queue_is_429_before_the_body_is_read(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise QueueFull("The queue is full.", retry_after=7)

    monkeypatch.setattr(Scheduler, "check_admission", refuse)
    body = Trickle()
    response = await client.post("/stylize/wave", content=body, headers=JPEG)
    assert problem(response) == (429, "The queue is full.")
    assert response.headers["retry-after"] == "7"
    assert body.read == 0
