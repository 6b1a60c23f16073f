"""File formats of images: which are read, which are written, and what they can hold."""

import warnings
from collections.abc import Mapping
from typing import Literal

from PIL import Image

from service.problems import ImageSizeOutOfRange

ImageFormat = Literal["jpeg", "png", "webp", "avif"]
Size = tuple[int, int]
"""Width and height in pixels."""

MEDIA_TYPES: Mapping[ImageFormat, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "avif": "image/avif",
}

READ = "JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP"
MAGIC_BYTES = 16
"""Bytes at the start of a file that tell its format."""
_DECODERS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP")
OUTPUT_FORMATS: Mapping[str | None, ImageFormat] = {
    "JPEG": "jpeg",
    "MPO": "jpeg",  # several JPEGs in one file, as phones write; the first is the photograph
    "PNG": "png",
    "WEBP": "webp",
    "AVIF": "avif",
}
# Past these the encoders fail; libavif writes larger files, but refuses to read them.
_MAX_SIDE: Mapping[ImageFormat, int] = {
    "jpeg": 65_500,
    "png": 2**31 - 1,
    "webp": 16_383,
    "avif": 32_768,
}

# A ceiling on what Pillow allocates while it still reads a header (a GIF can ask for 4 GiB there),
# far above any max_pixels. Set once: filtering the warning per call would not be thread-safe.
Image.MAX_IMAGE_PIXELS = 2**28
warnings.filterwarnings("ignore", module="PIL")  # the quirks of clients' files
warnings.simplefilter("error", Image.DecompressionBombWarning)
Image.init()

SUFFIXES: Mapping[str, str] = {
    suffix: name for suffix, name in Image.registered_extensions().items() if name in _DECODERS
}
"""What files of these formats end in, in lower case, with the format in upper case."""


def decoder_of(body: bytes) -> str | None:
    """Pillow's name of the format that the first MAGIC_BYTES tell, None if it is not read."""
    magic = ((name, Image.OPEN[name][1]) for name in _DECODERS)
    return next(
        (name for name, accept in magic if accept and accept(body[:MAGIC_BYTES]) is True), None
    )


def output_format(head: bytes) -> ImageFormat | None:
    """What an answer to a file is encoded as by default; None if it is no image that is read.

    ``head`` are its first MAGIC_BYTES.
    """
    decoder = decoder_of(head)
    return None if decoder is None else OUTPUT_FORMATS.get(decoder, "png")


def check_holds(format: ImageFormat, size: Size) -> None:
    """Raises ImageSizeOutOfRange if a picture of this size is larger than the format can hold."""
    if max(size) > _MAX_SIDE[format]:
        raise ImageSizeOutOfRange(
            f"The answer has {size[0]}x{size[1]} pixels; {format} holds at most "
            f"{_MAX_SIDE[format]} a side. Ask for format=png or send a smaller image."
        )
