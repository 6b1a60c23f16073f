"""The real process on a real socket: start-up, streaming, disconnects, shutdown, bad settings."""

import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.pictures import decoded, encoded
from tests.support.server import Server, run_to_end, serving
from tests.support.upscalers import write_upscaler


@pytest.fixture(scope="module")
def server(pair_store: Path) -> Iterator[Server]:
    with serving("--model-store", str(pair_store), "--max-batch-size", "1") as running:
        yield running


@pytest.fixture(scope="module")
def large(astronaut: NDArray[np.uint8]) -> bytes:
    return encoded(astronaut, "jpeg")


@pytest.fixture(scope="module")
def huge(astronaut: NDArray[np.uint8]) -> bytes:
    """4 megapixels, the most that is stylised: it takes a second or more."""
    return encoded(np.tile(astronaut, (4, 4, 1)), "jpeg")


def test_start_up_prints_models_provider_threads_and_address(server: Server) -> None:
    server.until_logged(r"model wave version 1 \(stylize, (int8|float32)\) [0-9a-f]{12}")
    server.until_logged(r"execution provider \w+, \d+ network threads, \d+ codec threads")
    server.until_logged(rf"listening on http://127\.0\.0\.1:{server.port}\b")


def test_stylizes_a_photograph_from_a_multipart_upload(server: Server, large: bytes) -> None:
    answer = httpx.post(f"{server.url}/stylize/wave", files={"image": large}, timeout=60)
    assert decoded(answer).shape == (512, 512, 3)


def test_takes_a_body_streamed_in_chunks_of_unknown_total(server: Server, large: bytes) -> None:
    chunks = (large[start : start + 1000] for start in range(0, len(large), 1000))
    headers = {"Content-Type": "image/jpeg"}
    answer = httpx.post(f"{server.url}/stylize/wave", content=chunks, headers=headers, timeout=60)
    assert decoded(answer).shape == (512, 512, 3)


def test_a_client_that_leaves_takes_its_request_out_of_the_queue(
    server: Server, huge: bytes
) -> None:
    head = (
        f"POST /stylize/wave HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
        f"Content-Length: {len(huge)}\r\n\r\n"
    ).encode()
    ran_before = server.metric(r'perceptual_batch_images_count\{model="wave"\}')
    clients = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(6)]
    for client in clients:
        client.sendall(head + huge)
    server.until(lambda: server.metric("perceptual_queue_images") >= 4)
    for client in clients:
        client.close()

    left = r'perceptual_requests_total\{model="wave",route="/stylize/\{style\}",status="499"\}'
    server.until(lambda: server.metric(left) == 6)
    assert server.metric("perceptual_queue_images") == 0
    ran = server.metric(r'perceptual_batch_images_count\{model="wave"\}') - ran_before
    assert ran <= 3  # the one on the device, and what got there before the others left
    saved = r'perceptual_left_total\{cause="cancelled",model="wave",stage="queued"\}'
    assert server.metric(saved) >= 3


def test_a_client_that_leaves_takes_all_tiles_of_its_image_out_of_the_queue(
    upscaler_store: Path, huge: bytes
) -> None:
    server = Server("--model-store", str(upscaler_store))
    server.until_ready()
    head = (
        f"POST /upscale HTTP/1.1\r\nHost: x\r\nContent-Type: image/jpeg\r\n"
        f"Content-Length: {len(huge)}\r\n\r\n"
    ).encode()
    ran = r'perceptual_batch_images_count\{model="upscale_x4_feature"\}'
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head + huge)
        server.until(lambda: server.metric(ran) >= 2)

    left = r'perceptual_requests_total\{model="upscale_x4_feature",route="/upscale",status="499"\}'
    server.until(lambda: server.metric(left) == 1)
    assert server.metric("perceptual_queue_images") == 0
    assert server.metric("perceptual_queue_pixels") == 0
    assert server.metric(ran) < 81  # tiles of the whole image
    server.stop()


def stopped_while_upscaling(
    server: Server, pixels: NDArray[np.uint8], requests: int
) -> list[httpx.Response]:
    """The answers to requests that a server had when it was told to end.

    Enlarging is slow, a second for a picture, so that there is no missing that others wait.
    """
    jpeg = encoded(pixels[:256], "jpeg")
    answers: list[httpx.Response] = []

    def post() -> None:
        answers.append(httpx.post(f"{server.url}/upscale", files={"image": jpeg}, timeout=None))

    clients = [threading.Thread(target=post) for _ in range(requests)]
    for client in clients:
        client.start()
    # Admitted and not yet on the device: most of the tiles, of 256 pixels, of all pictures but one.
    others = (requests - 1) * 256 * 512
    server.until(lambda: server.metric("perceptual_queue_pixels") >= others)
    server.stop()
    for client in clients:
        client.join()
    return answers


def server_of_one_picture_at_a_time(store: Path, drain_seconds: int) -> Server:
    options = ("--max-batch-size", "1", "--drain-seconds", str(drain_seconds))
    server = Server("--model-store", str(store), *options)
    server.until_ready()
    return server


def test_sigterm_finishes_open_requests_and_exits(
    pair_store: Path, astronaut: NDArray[np.uint8]
) -> None:
    server = server_of_one_picture_at_a_time(pair_store, drain_seconds=300)
    answers = stopped_while_upscaling(server, astronaut, requests=2)
    assert [answer.status_code for answer in answers] == [200, 200]


def test_what_drain_seconds_are_too_short_for_is_refused_for_another_replica_to_do(
    pair_store: Path, astronaut: NDArray[np.uint8]
) -> None:
    server = server_of_one_picture_at_a_time(pair_store, drain_seconds=0)
    answers = stopped_while_upscaling(server, astronaut, requests=8)
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in refused} == {503}
    assert {answer.json()["title"] for answer in refused} == {"Draining"}
    assert len(answers) == 8


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no SIGHUP")
def test_sighup_puts_a_new_version_into_service(upscaler_store: Path, tmp_path: Path) -> None:
    store = Path(shutil.copytree(upscaler_store, tmp_path / "store"))
    server = Server("--model-store", str(store))
    server.until_ready()
    write_upscaler(store / "upscale_x4_pixel", 4, "pixel", seed=7, number=2)
    server.process.send_signal(signal.SIGHUP)
    server.until(lambda: httpx.get(f"{server.url}/models/upscale_x4_pixel").json()["version"] == 2)
    server.stop()


def test_help_explains_every_setting() -> None:
    result = run_to_end("--help")
    assert result.returncode == 0
    for option in ("--host", "--port", "--execution-provider", "--max-queue-delay-ms"):
        assert option in result.stdout
    assert "PERCEPTUAL_MAX_BATCH_SIZE" in result.stdout


def test_every_setting_is_an_environment_variable() -> None:
    result = run_to_end(PERCEPTUAL_MODEL_STORE="/nowhere")
    assert result.stderr == "service: /nowhere: no such folder\n"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--port", "99999"], "port"),
        (["--execution-provider", "tpu"], "execution-provider"),
        (["--paint"], "--paint"),
        (["--model-store", "/nowhere"], "/nowhere"),
    ],
)
def test_bad_settings_are_one_line_and_exit_code_2(options: list[str], named: str) -> None:
    result = run_to_end(*options)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert named in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.onnx", b"not a network"),
        ("model.onnx", "another network"),
        ("model.golden.npz", b"not an output"),
    ],
)
def test_a_model_that_is_not_what_it_should_be_ends_the_process_with_one_line(
    upscaler_store: Path, tmp_path: Path, file: str, content: bytes | str
) -> None:
    store = Path(shutil.copytree(upscaler_store, tmp_path / "store"))
    if content == "another network":
        content = (store / "upscale_x4_pixel" / "1" / file).read_bytes()
    assert isinstance(content, bytes)
    (store / "upscale_x4_feature" / "1" / file).write_bytes(content)
    result = run_to_end("--model-store", str(store), "--port", "0", "--log-level", "error")
    assert result.returncode == 2
    (line,) = (line for line in result.stderr.splitlines() if line.startswith("service: "))
    assert f"upscale_x4_feature/1/{file}" in line
    assert "Traceback" not in result.stderr
