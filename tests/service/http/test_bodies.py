"""What reading bodies may cost a real process: time each, memory all together."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.pictures import encoded
from tests.support.server import Server, serving
from tests.support.wire import head, wire

MAX_BODY = 1 << 20


@pytest.fixture(scope="module")
def server(upscaler_store: Path) -> Iterator[Server]:
    options = (
        *("--model-store", str(upscaler_store)),
        *("--body-timeout-seconds", "2"),
        *("--max-body-bytes", str(MAX_BODY), "--max-open-bodies", "3"),
    )
    with serving(*options) as running:
        yield running


@pytest.fixture(scope="module")
def picture(photograph: NDArray[np.uint8]) -> bytes:
    return encoded(photograph[:32, :32])


def post(length: int) -> bytes:
    return head("/upscale", "Content-Type: image/png", f"Content-Length: {length}")


def served(server: Server, body: bytes) -> bool:
    return httpx.post(f"{server.url}/upscale", files={"image": body}).status_code == 200


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_a_body_that_arrives_too_slowly_is_408_and_the_connection_ends(
    server: Server, framing: str, picture: bytes
) -> None:
    with wire(server) as client:
        client.send(head("/upscale", "Content-Type: image/png", framing))
        client.trickle(b"100\r\n" + bytes(500))
        status, headers, problem = client.answer()
    assert status == 408
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"
    assert "2 s" in problem["detail"]
    assert served(server, picture)


def test_a_body_that_stops_arriving_is_408(server: Server, picture: bytes) -> None:
    with wire(server) as client:
        client.send(post(len(picture)) + picture[:-1])
        assert client.answer()[0] == 408


def test_a_body_over_a_slow_line_is_taken_for_what_it_is(
    server: Server, photograph: NDArray[np.uint8]
) -> None:
    body = encoded(photograph, "bmp")  # 52 KB, for which there are 5 seconds
    with wire(server) as client:
        fields = ("Content-Type: image/bmp", f"Content-Length: {len(body)}", "Connection: close")
        client.send(head("/upscale?format=jpeg", *fields))
        for piece in range(8):
            client.send(body[piece * len(body) // 8 : (piece + 1) * len(body) // 8])
            time.sleep(0.35)  # the line
        assert client.answer()[0] == 200


def test_a_multipart_body_is_timed_as_well(server: Server) -> None:
    with wire(server) as client:
        fields = ("Content-Type: multipart/form-data; boundary=x", "Content-Length: 1000")
        client.send(head("/upscale", *fields))
        client.trickle(b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n')
        assert client.answer()[0] == 408


def test_a_client_that_leaves_before_its_body_is_whole_is_no_failure(server: Server) -> None:
    left = r'perceptual_requests_total\{model="upscale_x4_feature",.*status="499"\}'
    before = server.metric(left)
    with wire(server) as client:
        client.send(post(1000) + bytes(500))
    server.until(lambda: server.metric(left) == before + 1)
    assert "Traceback" not in "".join(server.log)


def test_bodies_beyond_the_memory_for_all_are_503_and_there_is_room_again_afterwards(
    server: Server,
) -> None:
    almost = bytes(MAX_BODY - 1000)
    refusals = r'perceptual_requests_total\{model="upscale_x4_feature",.*status="503"\}'
    with ExitStack() as opened:
        clients = [opened.enter_context(wire(server)) for _ in range(6)]
        for client in clients:
            client.send(post(MAX_BODY) + almost)
        server.until(lambda: server.metric(refusals) == 3)
        (refused, *others) = [client for client in clients if client.closed_within(0.1)]
        assert len(others) == 2
        status, headers, problem = refused.answer()
    assert status == 503
    assert problem["title"] == "Too many bodies"
    assert int(headers["retry-after"]) >= 1

    def takes_a_large_body() -> bool:
        sent = {"Content-Type": "image/png"}
        answer = httpx.post(f"{server.url}/upscale", content=almost, headers=sent)
        return answer.json()["title"] == "Unsupported image"

    server.until(takes_a_large_body)
