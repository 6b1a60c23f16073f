"""Small files that are a lot of work: of pixels, of metadata, of pieces."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial

import skimage.data
from PIL import Image

from tests.hostile.case import Case, upload
from tests.hostile.pictures import photographs
from tests.support.image_headers import (
    bmp_run_lengths,
    gif_header,
    jpeg_segment,
    png_chunk,
    tiff_directory,
)
from tests.support.pictures import file_of

_LARGEST = 8192  # a side of max_image_pixels
_TOO_LARGE = 10_000
_MOST = (32 << 20) - 4096  # bytes, which is nearly max_body_bytes


def _flat(mode: str, format: str, **options: object) -> Callable[[int], bytes]:
    return lambda side: file_of(Image.new(mode, (side, side)), format, **options)


_FLAT: Mapping[str, Callable[[int], bytes]] = {
    "png of one bit": _flat("1", "PNG"),
    "png of 16 bits": _flat("I;16", "PNG", compress_level=1),
    "png with alpha": _flat("RGBA", "PNG", compress_level=1),
    "gif": _flat("P", "GIF"),
    "fax tiff": _flat("1", "TIFF", compression="group4"),
    "deflate tiff": _flat("RGB", "TIFF", compression="tiff_adobe_deflate"),
    "lzw tiff": _flat("CMYK", "TIFF", compression="tiff_lzw"),
    "webp": _flat("RGB", "WEBP", lossless=True, method=0, quality=0),
    "avif": _flat("RGB", "AVIF", speed=10),
    "jpeg": _flat("L", "JPEG", quality=10),
    "cmyk jpeg": _flat("CMYK", "JPEG", quality=10),
}


def bombs() -> Iterator[Case]:
    """Beyond the limit, which their header tells, and just within it, which is decoded."""
    for kind, flat in _FLAT.items():
        beyond = f"{kind} of {_TOO_LARGE} pixels a side"
        yield upload(beyond, lambda f=flat: f(_TOO_LARGE), 422)
        within = f"{kind} of {_LARGEST} pixels a side"
        yield upload(within, lambda f=flat: f(_LARGEST), 200)
    yield upload("jpeg of 90 scans", lambda: _scans(90), 200)
    yield upload("jpeg of 10,000 scans", lambda: _scans(10_000), 422)
    rows = b"\1\1\0\0" * _LARGEST  # a pixel, and to the next row
    runs = b"\1\1" * (_MOST // 2 - 1000)
    for kind, pixels in (("rows", rows), ("runs", runs), ("jumps", b"\0\2\xff\xff" * 1000)):
        body = bmp_run_lengths(_LARGEST, _LARGEST, pixels)
        yield upload(f"bmp of {kind}", lambda b=body: b, 422)
    yield upload("bmp of one row", lambda: bmp_run_lengths(1 << 26, 1, b"\0\2\xff\xff" * 20), 422)
    yield upload("gif of 4 GiB in 40 bytes", lambda: gif_header((16, 16), (65_535, 65_535)), 422)
    for format, frames in (("GIF", 1000), ("PNG", 1000), ("WEBP", 1000), ("AVIF", 100)):
        animated = partial(_animated, format, frames)
        yield upload(f"{format.lower()} of {frames} frames", animated, 200)


def _scans(count: int) -> bytes:
    body = file_of(Image.new("L", (_LARGEST, _LARGEST)), "JPEG", progressive=True, quality=10)
    scan = body[body.rindex(b"\xff\xda") : -2]
    return body[:-2] + scan * count + body[-2:]


def _animated(format: str, frames: int) -> bytes:
    face = Image.fromarray(skimage.data.astronaut()).crop((150, 0, 214, 64))
    turned = [face.rotate(angle) for angle in range(1, frames)]
    return file_of(face, format, save_all=True, append_images=turned)


@cache
def _split(kind: str, at: int) -> tuple[bytes, bytes]:
    body = photographs()[kind]
    return body[:at], body[at:]


_ZEROS = zlib.compress(bytes(1 << 20), 9)
_FLOODS: Mapping[str, tuple[str, int, bytes]] = {
    "jpeg: exif of 16 bytes": ("jpeg", 2, jpeg_segment(0xE1, b"Exif\0\0" + bytes(10))),
    "jpeg: exif of 4 KB": ("jpeg", 2, jpeg_segment(0xE1, b"Exif\0\0" + bytes(4000))),
    "jpeg: comments": ("jpeg", 2, jpeg_segment(0xFE, b"")),
    "jpeg: profiles": ("jpeg", 2, jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(60_000))),
    "jpeg: quantisation tables": ("jpeg", 2, jpeg_segment(0xDB, bytes(65))),
    "jpeg: padding": ("jpeg", 2, b"\xff"),
    "jpeg: zeros after an end": ("jpeg", 2, b"\xff\xd9" + bytes(4096)),
    "png: profiles": ("png", 33, png_chunk(b"iCCP", b"a\0\0" + _ZEROS)),
    "png: texts": ("png", 33, png_chunk(b"zTXt", b"a\0\0" + _ZEROS)),
    "png: empty texts": ("png", 33, png_chunk(b"zTXt", b"a\0\0" + zlib.compress(b""))),
    "png: unknown chunks": ("png", 33, png_chunk(b"abCd", b"")),
    "png: unknown chunks at the end": ("png", -12, png_chunk(b"abCd", b"")),
    "png: empty pixels": ("png", 33, png_chunk(b"IDAT", b"")),
    "png: exif": ("png", 33, png_chunk(b"eXIf", tiff_directory(5000, 65_000))),
    "gif: comments": ("gif", 13 + 768, b"\x21\xfe\1x\0"),
    "gif: one comment": ("gif", 13 + 768, b"\x21\xfe" + b"\1x" * 10_000_000 + b"\0"),
    "gif: rubbish": ("gif", 13 + 768, bytes(4096)),
}


def floods() -> Iterator[Case]:
    """Pieces of metadata, as many as a body holds."""
    for name, (kind, at, piece) in _FLOODS.items():
        start, end = _split(kind, at)

        def flooded(start: bytes = start, end: bytes = end, piece: bytes = piece) -> bytes:
            return start + piece * ((_MOST - len(start) - len(end)) // len(piece)) + end

        yield upload(name, flooded, 200, 422)
    yield upload("tiff: 65,535 tags of 1 MiB", lambda: tiff_directory(65_535, 1 << 20), 422)
    exif = png_chunk(b"eXIf", tiff_directory(65_535, 1 << 20))
    start, end = _split("png", 33)
    yield upload("png: 65,535 tags of 1 MiB", lambda: start + exif + end, 200)
