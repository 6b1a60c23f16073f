"""The Open Inference Protocol v2, driven by NVIDIA's public client against the real process."""

import socket
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray
from PIL import Image
from tritonclient.utils import InferenceServerException

from tests.support.pictures import encoded
from tests.support.server import Server, serving

Pixels = NDArray[np.uint8]

MAX_BODY_BYTES = 4 << 20


@pytest.fixture(scope="module")
def server(pair_store: Path) -> Iterator[Server]:
    options = (
        *("--model-store", str(pair_store)),
        *("--max-body-bytes", str(MAX_BODY_BYTES)),
        *("--max-stylize-pixels", "40000", "--max-upscaled-pixels", "200000"),
    )
    with serving(*options) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}", concurrency=2) as opened:
        yield opened


def tensor(name: str, array: NDArray[np.generic], binary: bool = True) -> triton.InferInput:
    datatype = {"uint8": "UINT8", "float32": "FP32", "float64": "FP64"}[array.dtype.name]
    described = triton.InferInput(name, list(array.shape), datatype)
    return described.set_data_from_numpy(array, binary_data=binary)


def style_inputs(
    images: Pixels, strength: float = 1.0, preserve_color: float = 0.0, binary: bool = True
) -> list[triton.InferInput]:
    per_image = {"strength": strength, "preserve_color": preserve_color}
    return [
        tensor("image", images, binary),
        *(
            tensor(name, np.full((len(images), 1), value, np.float32), binary)
            for name, value in per_image.items()
        ),
    ]


def stylized(server: Server, pixels: Pixels, **query: object) -> Pixels:
    """What POST /stylize/wave answers."""
    files = {"image": encoded(pixels)}
    response = httpx.post(f"{server.url}/stylize/wave", params=query, files=files, timeout=60)
    return np.asarray(Image.open(BytesIO(response.content)))


def refusal(client: triton.InferenceServerClient, *args: object, **options: object) -> str:
    with pytest.raises(InferenceServerException) as raised:
        client.infer(*args, **options)
    return f"{raised.value.status()}: {raised.value.message()}"


# What is served


def test_the_server_is_live_and_ready(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()


def test_the_server_names_the_extensions_that_it_serves(
    client: triton.InferenceServerClient,
) -> None:
    metadata = client.get_server_metadata()
    assert metadata["name"] == "perceptual"
    assert metadata["extensions"] == ["binary_tensor_data"]


def test_the_repository_lists_every_model_as_ready(client: triton.InferenceServerClient) -> None:
    listed = {model["name"]: model for model in client.get_model_repository_index()}
    assert {"wave", "upscale_x4_feature"} <= listed.keys()
    assert listed["wave"] == {"name": "wave", "version": "1", "state": "READY"}


@pytest.mark.parametrize("version", ["", "1"])
def test_a_model_describes_its_tensors(client: triton.InferenceServerClient, version: str) -> None:
    assert client.is_model_ready("wave", version)
    assert client.get_model_metadata("wave", version) == {
        "name": "wave",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [
            {"name": "image", "datatype": "UINT8", "shape": [-1, -1, -1, 3]},
            {"name": "strength", "datatype": "FP32", "shape": [-1, 1]},
            {"name": "preserve_color", "datatype": "FP32", "shape": [-1, 1]},
        ],
        "outputs": [{"name": "output", "datatype": "UINT8", "shape": [-1, -1, -1, 3]}],
    }


@pytest.mark.parametrize(("name", "version"), [("vawe", ""), ("wave", "2")])
def test_an_unknown_model_or_version_is_404(
    client: triton.InferenceServerClient, photograph: Pixels, name: str, version: str
) -> None:
    assert not client.is_model_ready(name, version)
    with pytest.raises(InferenceServerException, match=version or name) as raised:
        client.get_model_metadata(name, version)
    assert raised.value.status() == "404"
    refused = refusal(client, name, style_inputs(photograph[np.newaxis]), version)
    assert refused.startswith("404")


# What an image becomes


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_an_image_becomes_what_post_stylize_makes_of_it(
    server: Server,
    client: triton.InferenceServerClient,
    photograph: Pixels,
    binary_in: bool,
    binary_out: bool,
) -> None:
    inputs = style_inputs(photograph[np.newaxis], 0.5, 1.0, binary_in)
    outputs = [triton.InferRequestedOutput("output", binary_data=binary_out)]
    result = client.infer("wave", inputs, outputs=outputs, request_id="seven")
    expected = stylized(server, photograph, strength=0.5, preserve_color=True)
    assert np.array_equal(result.as_numpy("output"), expected[np.newaxis])
    response = result.get_response()
    assert (response["model_name"], response["model_version"]) == ("wave", "1")
    assert response["id"] == "seven"


def test_without_outputs_all_are_answered(
    server: Server, client: triton.InferenceServerClient, photograph: Pixels
) -> None:
    result = client.infer("wave", style_inputs(photograph[np.newaxis]), model_version="1")
    assert np.array_equal(result.as_numpy("output")[0], stylized(server, photograph))


def test_each_image_of_a_request_has_its_own_inputs(
    server: Server, client: triton.InferenceServerClient, photograph: Pixels
) -> None:
    images = np.stack([photograph, photograph[::-1], photograph[:, ::-1]])
    inputs = [
        tensor("image", images),
        tensor("strength", np.array([[1], [0], [1]], np.float32)),
        tensor("preserve_color", np.array([[0], [0], [1]], np.float32)),
    ]
    output = client.infer("wave", inputs).as_numpy("output").astype(np.int16)
    expected = [
        stylized(server, images[0]),
        images[1],
        stylized(server, np.ascontiguousarray(images[2]), preserve_color=True),
    ]
    assert np.abs(output - np.stack(expected)).max() <= 1  # batches of other sizes


def test_images_are_upscaled(client: triton.InferenceServerClient, photograph: Pixels) -> None:
    images = np.stack([photograph[:30, :50], photograph[50:80, 50:100]])
    both = client.infer("upscale_x4_feature", [tensor("image", images)]).as_numpy("output")
    assert both.shape == (2, 120, 200, 3)
    for image, output in zip(images, both, strict=True):
        alone = client.infer("upscale_x4_feature", [tensor("image", image[np.newaxis])])
        assert np.abs(alone.as_numpy("output")[0].astype(np.int16) - output).max() <= 1


def test_concurrent_requests_each_get_their_own_answer(
    server: Server, client: triton.InferenceServerClient, photograph: Pixels
) -> None:
    pictures = [photograph, np.ascontiguousarray(photograph[::-1])]
    asked = [client.async_infer("wave", style_inputs(pixels[np.newaxis])) for pixels in pictures]
    for pixels, request in zip(pictures, asked, strict=True):
        output = request.get_result().as_numpy("output")[0].astype(np.int16)
        assert np.abs(output - stylized(server, pixels)).max() <= 1


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_a_compressed_request_is_inflated(
    client: triton.InferenceServerClient, photograph: Pixels, algorithm: str
) -> None:
    result = client.infer(
        "wave",
        style_inputs(photograph[np.newaxis], strength=0),
        request_compression_algorithm=algorithm,
        response_compression_algorithm=algorithm,
    )
    assert np.array_equal(result.as_numpy("output")[0], photograph)


# What is refused


@pytest.mark.parametrize(
    ("shape", "status", "named"),
    [
        ((120, 144, 3), 400, "[-1, -1, -1, 3]"),
        ((1, 120, 144, 1), 400, "[-1, -1, -1, 3]"),
        ((0, 120, 144, 3), 400, "1 to 64 images"),
        ((65, 16, 16, 3), 400, "1 to 64 images"),
        ((1, 16, 15, 3), 422, "at least 16"),
        ((1, 201, 200, 3), 422, "40000"),
    ],
)
def test_an_image_of_a_wrong_shape_is_refused(
    client: triton.InferenceServerClient, shape: tuple[int, ...], status: int, named: str
) -> None:
    refused = refusal(client, "wave", style_inputs(np.zeros(shape, np.uint8)))
    assert refused.startswith(str(status))
    assert named in refused


def test_an_upscaling_with_too_large_an_answer_is_refused(
    client: triton.InferenceServerClient,
) -> None:
    images = tensor("image", np.zeros((2, 80, 80, 3), np.uint8))
    refused = refusal(client, "upscale_x4_feature", [images])
    assert refused.startswith("422")
    assert "204800" in refused
    assert "200000" in refused


@pytest.mark.parametrize(
    ("position", "replacement", "named"),
    [
        (0, np.zeros((1, 16, 16, 3), np.float32), "'image'"),
        (1, np.zeros((1, 1), np.float64), "FP32"),
        (1, np.zeros(1, np.float32), "[-1, 1]"),
        (1, np.zeros((2, 1), np.float32), "first dimension"),
        (1, np.full((1, 1), 1.5, np.float32), "from 0 to 1"),
        (1, np.full((1, 1), np.nan, np.float32), "from 0 to 1"),
    ],
)
def test_an_input_unlike_the_metadata_is_400_naming_what_is_needed(
    client: triton.InferenceServerClient,
    position: int,
    replacement: NDArray[np.generic],
    named: str,
) -> None:
    inputs = style_inputs(np.zeros((1, 16, 16, 3), np.uint8))
    inputs[position] = tensor(inputs[position].name(), replacement)
    refused = refusal(client, "wave", inputs)
    assert refused.startswith("400")
    assert named in refused


def test_a_missing_and_an_unknown_input_and_output_are_400_naming_them(
    client: triton.InferenceServerClient,
) -> None:
    inputs = style_inputs(np.zeros((1, 16, 16, 3), np.uint8))
    assert "400: The input 'preserve_color' is missing" in refusal(client, "wave", inputs[:2])
    more = [*inputs, tensor("mood", np.zeros((1, 1), np.float32))]
    assert "400: The model has no input 'mood'" in refusal(client, "wave", more)
    outputs = [triton.InferRequestedOutput("painting")]
    assert "'painting'" in refusal(client, "wave", inputs, outputs=outputs)


def test_a_request_for_classes_or_shared_memory_is_400(
    client: triton.InferenceServerClient,
) -> None:
    inputs = style_inputs(np.zeros((1, 16, 16, 3), np.uint8))
    classes = [triton.InferRequestedOutput("output", class_count=3)]
    assert refusal(client, "wave", inputs, outputs=classes).startswith("400")
    inputs[0].set_shared_memory("region", 768)
    assert refusal(client, "wave", inputs).startswith("400")


def test_a_body_that_inflates_beyond_the_limit_is_413(
    client: triton.InferenceServerClient,
) -> None:
    bomb = style_inputs(np.zeros((1, 1500, 1500, 3), np.uint8))
    refused = refusal(client, "wave", bomb, request_compression_algorithm="gzip")
    assert refused.startswith("413")
    assert f"{MAX_BODY_BYTES:,}" in refused


def test_another_content_encoding_is_415(client: triton.InferenceServerClient) -> None:
    inputs = style_inputs(np.zeros((1, 16, 16, 3), np.uint8))
    assert refusal(client, "wave", inputs, headers={"Content-Encoding": "br"}).startswith("415")


def test_a_request_that_cannot_wait_is_refused_and_counted(
    server: Server, client: triton.InferenceServerClient
) -> None:
    inputs = style_inputs(np.zeros((1, 16, 16, 3), np.uint8))
    refused = refusal(client, "wave", inputs, headers={"Prefer": "wait=0"})
    assert refused == "504: The deadline passed before the image could be queued."
    assert server.metric(r'perceptual_refusals_total\{model="wave",reason="deadline_passed"\}')


def test_a_client_that_leaves_takes_all_its_images_out_of_the_queue(
    server: Server, astronaut: Pixels
) -> None:
    images = np.repeat(astronaut[np.newaxis, :200, :200], 32, axis=0)
    body, length = triton.InferenceServerClient.generate_request_body(style_inputs(images))
    head = (
        f"POST /v2/models/wave/infer HTTP/1.1\r\nHost: x\r\n"
        f"Inference-Header-Content-Length: {length}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", server.port)) as leaving:
        leaving.sendall(head + body)
        server.until(lambda: server.metric("perceptual_queue_pixels") > 0)

    route = r'route="/v2/models/\{name\}/infer"'
    left = rf'perceptual_requests_total\{{model="wave",{route},status="499"\}}'
    server.until(lambda: server.metric(left) == 1)
    assert server.metric("perceptual_queue_images") == 0
    assert server.metric("perceptual_queue_pixels") == 0


def test_an_answer_says_what_made_it_as_pictures_do(server: Server) -> None:
    request = {
        "inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 1, 2, 3], "data": [7] * 6}]
    }
    url = f"{server.url}/v2/models/upscale_x4_feature/infer"
    answer = httpx.post(url, json=request, headers={"Prefer": "wait=30"}, timeout=60)
    (output,) = answer.json()["outputs"]
    assert (output["shape"], len(output["data"])) == ([1, 4, 8, 3], 96)
    assert answer.headers["x-model"] == "upscale_x4_feature"
    assert answer.headers["x-batch-size"] == "1"
    assert answer.headers["preference-applied"] == "wait=30"
    assert answer.headers["server-timing"].startswith("decode;dur=")


def test_a_repository_index_of_ready_models_can_be_asked_for(server: Server) -> None:
    answer = httpx.post(f"{server.url}/v2/repository/index", json={"ready": True})
    assert {model["state"] for model in answer.json()} == {"READY"}
