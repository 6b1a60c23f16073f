"""Bytes that are no HTTP, or too much of it."""

import random
from collections.abc import Iterator

from tests.hostile.case import SILENCE, STYLIZE, Case


def heads() -> Iterator[Case]:
    def sent(name: str, request: bytes, *statuses: int) -> Case:
        ends = SILENCE in statuses  # else the service would wait for the rest
        return Case(name, STYLIZE, lambda: request, frozenset(statuses), hangs_up=ends)

    chance = random.Random(0)
    for number in range(20):
        yield sent(f"random bytes {number}", chance.randbytes(2000), 400)
    line = b"POST /stylize/wave HTTP/1.1\r\n"
    yield sent("nothing", b"", SILENCE)
    yield sent("a head that ends early", line + b"Host: x\r\n", SILENCE)
    yield sent("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), 400)
    yield sent("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100), 400, 404, 405)
    yield sent("HTTP/9.9", b"GET / HTTP/9.9\r\nConnection: close\r\n\r\n", 400)
    yield sent("a method of our own", b"PAINT /stylize/wave HTTP/1.1\r\n\r\n", 400)
    yield sent("spaces in the path", b"GET /a b c HTTP/1.1\r\n\r\n", 400)
    yield sent("a header without colon", line + b"Host\r\n\r\n", 400)
    yield sent("a NUL in a header", line + b"X: \0\r\n\r\n", 400)
    yield sent("a folded header", line + b"X: a\r\n b\r\n\r\n", 400, 415)
    yield sent("a name with a space", line + b"Content Length: 5\r\n\r\n", 400)
    yield sent("a head of 1 MiB", line + b"X: " + b"a" * (1 << 20), 431, SILENCE)
    yield sent("100,000 headers", line + b"A: b\r\n" * 100_000, 431, SILENCE)
