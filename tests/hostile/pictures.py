"""Real photographs in every kind of file that is decoded: what the corpus is made from."""

from collections.abc import Mapping
from functools import cache

import skimage.data
from PIL import Image

from tests.support.pictures import file_of

MAGIC: Mapping[str, bytes] = {
    "jpeg": b"\xff\xd8\xff\xe0",
    "png": b"\x89PNG\r\n\x1a\n",
    "webp": b"RIFF\xff\xff\xff\x7fWEBPVP8 ",
    "avif": b"\0\0\0\x20ftypavif",
    "gif": b"GIF89a",
    "tiff": b"II*\0",
    "big-endian tiff": b"MM\0*",
    "bigtiff": b"II+\0\x08\0\0\0",
    "bmp": b"BM",
}


@cache
def photographs() -> Mapping[str, bytes]:
    """Files of 20 to 140 KB."""
    return _in_every_kind(_cat(), _face())


@cache
def thumbnails() -> Mapping[str, bytes]:
    """The same of 1 to 5 KB."""
    return _in_every_kind(_cat().resize((48, 32)), _face().resize((32, 32)))


def _cat() -> Image.Image:
    return Image.fromarray(skimage.data.chelsea())


def _face() -> Image.Image:
    return Image.fromarray(skimage.data.astronaut()).crop((150, 0, 330, 180))


def _in_every_kind(cat: Image.Image, face: Image.Image) -> Mapping[str, bytes]:
    disc = face.copy()
    disc.putalpha(Image.radial_gradient("L").resize(face.size))
    exif = Image.Exif()
    exif[0x0112], exif[0x8298] = 6, "(c) NASA"
    return {
        "jpeg": file_of(cat, "JPEG", quality=90),
        "progressive jpeg": file_of(cat, "JPEG", quality=90, progressive=True, exif=exif),
        "cmyk jpeg": file_of(face.convert("CMYK"), "JPEG", quality=95),
        "png": file_of(face, "PNG", exif=exif),
        "palette png": file_of(cat.quantize(64), "PNG", transparency=bytes(range(64))),
        "16-bit png": file_of(face.convert("I;16"), "PNG"),
        "webp": file_of(cat, "WEBP", quality=90, exif=exif.tobytes()),
        "lossless webp": file_of(disc, "WEBP", lossless=True),
        "animated webp": file_of(cat, "WEBP", save_all=True, append_images=[cat.rotate(9)]),
        "avif": file_of(cat, "AVIF", quality=90, exif=exif.tobytes()),
        "avif with alpha": file_of(disc, "AVIF", quality=90),
        "gif": file_of(cat, "GIF"),
        "animated gif": file_of(face, "GIF", save_all=True, append_images=[face.rotate(9)]),
        "tiff": file_of(face, "TIFF"),
        "lzw tiff": file_of(face, "TIFF", compression="tiff_lzw"),
        "deflate tiff": file_of(face, "TIFF", compression="tiff_adobe_deflate"),
        "jpeg tiff": file_of(cat, "TIFF", compression="jpeg", quality=90),
        "bmp": file_of(face, "BMP"),
    }
