"""What a connection may cost a real process, before its request is whole and after its answer."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.support.pictures import encoded
from tests.support.server import Server, serving
from tests.support.wire import head, wire

HEAD_SECONDS = 3
MAX_CONNECTIONS = 24


@pytest.fixture(scope="module")
def server(upscaler_store: Path) -> Iterator[Server]:
    options = (
        *("--model-store", str(upscaler_store)),
        *("--head-timeout-seconds", str(HEAD_SECONDS)),
        *("--max-connections", str(MAX_CONNECTIONS)),
    )
    with serving(*options) as running:
        yield running


@pytest.fixture(scope="module")
def noise() -> bytes:
    """Enlarged and as PNG, it answers in 16 MB: more than sockets buffer."""
    return encoded(np.random.default_rng(0).integers(0, 256, (700, 700, 3), np.uint8))


def alive(server: Server) -> bool:
    return httpx.get(f"{server.url}/livez").status_code == 200


def refusals(server: Server) -> int:
    return sum("bytes of headers are read" in line for line in server.log)


def test_a_connection_that_says_nothing_is_closed(server: Server) -> None:
    with wire(server) as client:
        assert client.closed_within(60)
    assert client.received == b""


def test_a_head_that_arrives_too_slowly_closes_the_connection(server: Server) -> None:
    with wire(server) as client:
        client.trickle(b"GET /livez HTTP/1.1\r\nX-Slow: " + bytes(1000))


def test_the_second_head_of_a_connection_is_timed_too(server: Server) -> None:
    with wire(server) as client:
        client.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        client.trickle(b"GET /livez HTTP/1.1\r\nX-Slow: " + bytes(1000))
    assert client.received.count(b"200 OK") == 1


def test_the_rest_of_a_body_that_was_refused_early_is_not_awaited_for_ever(server: Server) -> None:
    with wire(server) as client:
        client.send(head("/nowhere", "Content-Length: 1000000"))
        client.trickle(bytes(1000))
    assert b"404 Not Found" in client.received


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nX-", b"GET / HTTP/1.1\r\nX: "])
def test_a_head_without_end_is_431(server: Server, start: bytes) -> None:
    refused = refusals(server)
    with wire(server) as client:
        client.send(start)
        with suppress(ConnectionError):
            client.send(b"a" * 1_000_000)
        assert client.closed_within(60)
    # Where the answer came before we had stopped sending, its reset may have overtaken it.
    assert client.received == b"" or b"application/problem+json" in client.received
    server.until(lambda: refusals(server) == refused + 1)
    assert alive(server)


def test_what_is_no_http_is_a_problem(server: Server) -> None:
    with wire(server) as client:
        client.send(b"\x16\x03\x01\x02\x00\x01 a TLS greeting\r\n\r\n")
        status, headers, problem = client.answer()
    assert status == problem["status"] == 400
    assert headers["content-type"] == "application/problem+json"
    assert headers["connection"] == "close"


def test_a_head_a_little_too_large_is_told_so(server: Server) -> None:
    with wire(server) as client:
        client.send(b"GET / HTTP/1.1\r\nX: " + b"a" * 66_000)
        status, headers, problem = client.answer()
    assert status == 431
    assert headers["connection"] == "close"
    assert "65,536" in problem["detail"]


def test_trailers_without_end_close_the_connection(server: Server) -> None:
    with wire(server) as client:
        fields = ("Content-Type: image/png", "Transfer-Encoding: chunked")
        client.send(head("/upscale", *fields) + b"1\r\nx\r\n0\r\nX-Trailer: ")
        with pytest.raises(ConnectionError):
            client.send(b"a" * 100_000_000)
    assert alive(server)


def test_a_body_in_the_smallest_chunks_is_no_large_head(server: Server) -> None:
    body = encoded(np.zeros((64, 64, 3), np.uint8), "bmp")  # 12 KB, in 6 bytes each
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    with wire(server) as client:
        fields = ("Content-Type: image/bmp", "Transfer-Encoding: chunked", "Connection: close")
        client.send(head("/upscale", *fields) + chunks + b"0\r\n\r\n")
        assert client.answer()[0] == 200


def test_connections_beyond_the_limit_are_503_and_are_welcome_again_afterwards(
    server: Server,
) -> None:
    with ExitStack() as opened:
        for _ in range(MAX_CONNECTIONS):
            opened.enter_context(wire(server))
        late = opened.enter_context(wire(server))
        status, headers, problem = late.answer()
    assert status == 503
    assert headers["retry-after"] == "1"
    assert problem["title"] == "Too many connections"
    server.until(lambda: alive(server))


def test_silent_connections_do_not_keep_others_out(server: Server) -> None:
    with ExitStack() as opened:
        for _ in range(MAX_CONNECTIONS):
            opened.enter_context(wire(server))
        server.until(lambda: alive(server))


def test_requests_that_share_a_connection_are_all_answered(server: Server) -> None:
    request = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
    with wire(server) as client:
        client.send((request + b"\r\n") * 9 + request + b"Connection: close\r\n\r\n")
        assert client.closed_within(60)
    assert client.received.count(b"200 OK") == 10


def test_an_answer_that_nobody_reads_is_given_up(server: Server, noise: bytes) -> None:
    with wire(server, receive_buffer=4096) as client:
        fields = ("Content-Type: image/png", f"Content-Length: {len(noise)}")
        client.send(head("/upscale?factor=4", *fields) + noise)
        assert client.connection.recv(12) == b"HTTP/1.1 200"
        time.sleep(2.5 * HEAD_SECONDS)  # nobody reads
        assert client.closed_within(60)
    assert len(client.received) < 15e6


def test_an_answer_that_is_read_slowly_arrives_whole(server: Server, noise: bytes) -> None:
    with wire(server, receive_buffer=65536) as client:
        fields = ("Content-Type: image/png", f"Content-Length: {len(noise)}", "Connection: close")
        client.send(head("/upscale?factor=4", *fields) + noise)
        received = bytearray(client.connection.recv(12))
        for _ in range(15):  # for three times as long as an answer has that is not read
            time.sleep(HEAD_SECONDS / 5)
            received += client.connection.recv(1 << 17)
        while data := client.connection.recv(1 << 20):
            received += data
    header, _, body = bytes(received).partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in header
    assert len(body) > 15e6
