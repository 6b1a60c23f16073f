"""Headers of pictures far larger, or smaller, than any: up to 65,535 pixels a side and beyond."""

import struct
from collections.abc import Callable, Iterator, Mapping
from itertools import product

from tests.hostile.case import STYLIZE, UPSCALE, Case, upload
from tests.hostile.pictures import photographs
from tests.support.image_headers import bmp_run_lengths, gif_header, png_header

_SIDES = (0, 1, 15, 16_384, 32_768, 65_535)


def _jpeg(width: int, height: int) -> bytes:
    body = bytearray(photographs()["jpeg"])
    struct.pack_into(">HH", body, body.index(b"\xff\xc0") + 5, height, width)
    return bytes(body)


def _progressive(width: int, height: int) -> bytes:
    body = bytearray(photographs()["progressive jpeg"])
    struct.pack_into(">HH", body, body.index(b"\xff\xc2") + 5, height, width)
    return bytes(body)


def _webp(width: int, height: int) -> bytes:
    body = bytearray(photographs()["webp"])
    canvas = body.index(b"VP8X") + 12  # a side is stored less one
    body[canvas : canvas + 6] = b"".join(
        max(side - 1, 0).to_bytes(3, "little") for side in (width, height)
    )
    return bytes(body)


def _avif(width: int, height: int) -> bytes:
    body = bytearray(photographs()["avif"])
    struct.pack_into(">II", body, body.index(b"ispe") + 8, width, height)
    return bytes(body)


def _tiff(width: int, height: int) -> bytes:
    body = bytearray(photographs()["lzw tiff"])
    (directory,) = struct.unpack_from("<I", body, 4)
    (entries,) = struct.unpack_from("<H", body, directory)
    for place in range(directory + 2, directory + 2 + 12 * entries, 12):
        tag, _ = struct.unpack_from("<HH", body, place)
        if tag in (256, 257):
            body[place + 2 : place + 12] = struct.pack("<HII", 4, 1, (width, height)[tag - 256])
    return bytes(body)


def _bmp(width: int, height: int) -> bytes:
    body = bytearray(photographs()["bmp"])
    struct.pack_into("<ii", body, 18, width, height)
    return bytes(body)


_WITH_SIZE: Mapping[str, Callable[[int, int], bytes]] = {
    "jpeg": _jpeg,
    "progressive jpeg": _progressive,
    "png": png_header,
    "webp": _webp,
    "avif": _avif,
    "gif": lambda width, height: gif_header((width, height), (width, height)),
    "gif frame": lambda width, height: gif_header((16, 16), (width, height)),
    "tiff": _tiff,
    "bmp": _bmp,
    "rle bmp": lambda width, height: bmp_run_lengths(width, height, b"\0\1"),
}


def sizes() -> Iterator[Case]:
    for kind, (width, height) in product(_WITH_SIZE, product(_SIDES, repeat=2)):
        for route in (STYLIZE, UPSCALE):
            name = f"{kind} of {width}x{height} to {route}"
            make = _WITH_SIZE[kind]
            # A JPEG of fewer pixels than follow is whole, as is a part of an animation's canvas.
            yield upload(
                name, lambda m=make, w=width, h=height: m(w, h), 200, 415, 422, route=route
            )
    for sides in ((2**31 - 1, 2**31 - 1), (2**32 - 1, 1), (-1, -1), (64, -(2**31))):
        body = png_header(*(side % 2**32 for side in sides))
        yield upload(f"png of {sides}", lambda b=body: b, 422)
        if max(sides) < 2**31:
            yield upload(f"bmp of {sides}", lambda s=sides: _bmp(*s), 422)
