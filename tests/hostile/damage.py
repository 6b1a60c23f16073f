"""Photographs cut off, with flipped bits, or with the beginning of another kind."""

import random
from collections.abc import Iterator
from itertools import product

from tests.hostile.case import Case, upload
from tests.hostile.pictures import MAGIC, photographs

_KIBIBYTE = 1024
_HEADER_BYTES = 400


def truncated() -> Iterator[Case]:
    """At every kilobyte, and shortly after the beginning and before the end."""
    for kind, body in photographs().items():
        ends = {*range(_KIBIBYTE, len(body), _KIBIBYTE), *range(8, 64, 8), len(body) - 1}
        for end in sorted(ends):
            yield upload(f"{kind}, {end} bytes", lambda b=body, e=end: b[:e], 200, 415, 422)


def flipped() -> Iterator[Case]:
    """One bit of each byte of the header, and then up to sixteen anywhere."""
    chance = random.Random(0)
    for kind, body in photographs().items():
        for place in range(_HEADER_BYTES):
            yield _with_flips(f"{kind}, byte {place}", body, [place], chance)
        for number in range(100):
            places = [chance.randrange(len(body)) for _ in range(1 + number % 16)]
            yield _with_flips(f"{kind}, bytes {places}", body, places, chance)


def _with_flips(name: str, body: bytes, places: list[int], chance: random.Random) -> Case:
    bits = [1 << chance.randrange(8) for _ in places]

    def damaged() -> bytes:
        changed = bytearray(body)
        for place, bit in zip(places, bits, strict=True):
            changed[place] ^= bit
        return bytes(changed)

    return upload(name, damaged, 200, 415, 422)


def with_wrong_magic() -> Iterator[Case]:
    """Nothing of a kind but its first bytes: of other kinds, of rubbish, or of no more at all."""
    rubbish = random.Random(0).randbytes(4096)
    rests = {**photographs(), "rubbish": rubbish, "zeros": bytes(4096), "nothing": b""}
    for (kind, magic), (rest, body) in product(MAGIC.items(), rests.items()):
        if not body.startswith(magic[:2]):
            changed = magic + body[len(magic) :]
            yield upload(f"{kind} over {rest}", lambda c=changed: c, 415, 422)


def empty() -> Iterator[Case]:
    for size in (0, 1, 2, 15, 16, 17, 4096, 1 << 20):
        for content_type in ("image/png", "application/octet-stream", "image/svg+xml"):
            name = f"{size} zeros as {content_type}"
            yield upload(name, lambda s=size: bytes(s), 415, content_type=content_type)
