"""Decodes image files to uint8 sRGB arrays, and encodes them again.

Every file becomes the same kind of array: upright, in sRGB, eight bits a sample, alpha apart. What
is not pixels is dropped, except the copyright notice.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, TiffImagePlugin

from service.images import color, jpeg
from service.images.formats import OUTPUT_FORMATS, READ, ImageFormat, Size, check_holds, decoder_of
from service.images.metered import MeteredFile
from service.images.sizes import check_stored
from service.problems import BrokenImage, ImageSizeOutOfRange, Problem, UnsupportedImage

_MAX_SCANS = 100  # a progressive JPEG has about ten
# A file has at most one of these. Pillow joins all that there are, copying again for each, or
# inflates them all to use the last.
_SINGLE: Mapping[str, bytes] = {"JPEG": b"Exif\0\0", "PNG": b"iCCP"}
_MAX_SINGLES = 100  # pictures embedded in it have their own
_MAX_RLE_PIXELS = 4 << 20  # Pillow decodes them in Python, in a quarter of a microsecond each
_MAX_NOTICE_CHARACTERS = 4096  # in UTF-8 they fit the 64 KiB of a JPEG's EXIF segment

_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SEGMENT = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")  # a JPEG marker with a length, or the end


@dataclass(frozen=True)
class Picture:
    """A decoded image."""

    pixels: NDArray[np.uint8]
    """[H, W, 3], sRGB, C-contiguous, possibly read-only."""
    alpha: NDArray[np.uint8] | None
    """[H, W], not premultiplied; None if opaque."""
    copyright: str | None


class ImageReader:
    """An image file of which the header has been read, and the pixels not yet."""

    def __init__(self, image: ImageFile.ImageFile, body: bytes, max_pixels: int) -> None:
        self._image = image
        self._body = body
        self._max_pixels = max_pixels

    @property
    def size(self) -> Size:
        """As stored: EXIF orientation may turn it."""
        return self._image.size

    @property
    def output_format(self) -> ImageFormat:
        """What an answer is encoded as by default: the file's own format, or png."""
        return OUTPUT_FORMATS.get(self._image.format, "png")

    def decode(self, size: Size) -> Picture:
        """The picture, shrunk to ``size``, which is of the stored orientation.

        Raises BrokenImage or ImageSizeOutOfRange.
        """
        image, body = self._image, self._body
        if size == image.size and (stored := _as_stored(image, body)) is not None:
            return stored
        box = None
        with _parsing(image.format, self._max_pixels):
            # A JPEG decodes at 1/2, 1/4 or 1/8 in its DCT, to a box of fractional size.
            if size != image.size and (draft := image.draft(None, size)):
                box = draft[1]
            image.load()
        orientation, notice = _metadata(image)
        profile = image.info.get("icc_profile")

        picture = color.to_eight_bits(image, body)
        if picture.size != size:
            # Pillow premultiplies by alpha here; a gap of 3 looks the same as none and is faster.
            picture = picture.resize(size, Image.Resampling.LANCZOS, box, reducing_gap=3.0)
        if orientation in _TRANSPOSE:
            picture = picture.transpose(_TRANSPOSE[orientation])

        alpha = None
        if picture.mode in ("LA", "RGBA"):
            channel = picture.getchannel("A")
            if channel.getextrema() != (255, 255):
                alpha = np.asarray(channel)
            picture = picture.convert(picture.mode.removesuffix("A"))
        return Picture(np.asarray(color.to_srgb(picture, profile)), alpha, notice)


@contextmanager
def open_image(body: bytes, max_pixels: int) -> Iterator[ImageReader]:
    """Read the header of an image file of at most ``max_pixels``.

    Raises UnsupportedImage, BrokenImage or ImageSizeOutOfRange.
    """
    decoder = decoder_of(body)
    if decoder is None:
        raise UnsupportedImage(f"Send a {READ} image.")
    _check_singles(decoder, body)
    with _parsing(decoder, max_pixels):
        image = Image.open(MeteredFile(body), formats=(decoder,))
        tile = _tile_size(image)
    with image:
        _check_header(image, tile, body, max_pixels)
        yield ImageReader(image, body, max_pixels)


@contextmanager
def _parsing(decoder: str | None, max_pixels: int) -> Iterator[None]:
    """Raises BrokenImage or ImageSizeOutOfRange in place of what Pillow's parsers raise.

    They trust lengths, offsets and types in the file, so that broken bytes raise nearly any
    exception (MemoryError too, for an absurd length), and which is not documented. Around nothing
    but Pillow's own reading: a fault of ours is not to be taken for a broken file.
    """
    try:
        yield
    except Problem:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageSizeOutOfRange(
            f"The image has over {Image.MAX_IMAGE_PIXELS} pixels; at most {max_pixels} are taken."
        ) from error
    except Exception as error:
        raise BrokenImage(
            f"The {decoder} image is damaged, cut off, or of a kind that cannot be read."
        ) from error


def encode(picture: Picture, format: ImageFormat, quality: int) -> bytes:
    """Encode as ``format``; ``quality`` is 1..100 (png has none). JPEG shows alpha over white.

    Raises ImageSizeOutOfRange if the picture is larger than the format can hold.
    """
    height, width = picture.pixels.shape[:2]
    check_holds(format, (width, height))
    image = Image.fromarray(picture.pixels)
    if picture.alpha is not None:
        alpha = Image.fromarray(picture.alpha)
        if format == "jpeg":
            image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
        else:
            image.putalpha(alpha)

    options: dict[str, Any] = {  # each encoder takes those it knows
        "quality": quality,
        "subsampling": "4:4:4" if quality >= 90 else "4:2:0",
        "speed": 8,  # avif: half the time of the default, 6, for a few per cent more bytes
        "compress_level": 1,  # png: a third of the time of the default, 6, for a tenth more bytes
    }
    if picture.copyright is not None:
        exif = Image.Exif()
        # As bytes, since Pillow would write every character beyond ASCII of a str as "?".
        exif[ExifTags.Base.Copyright] = picture.copyright.encode()
        options["exif"] = exif.tobytes()
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def _check_singles(decoder: str, body: bytes) -> None:
    single = _SINGLE.get(decoder)
    if single is not None and body.count(single) > _MAX_SINGLES:
        name = single.decode().rstrip("\0")
        raise BrokenImage(f"The {decoder} image has over {_MAX_SINGLES} {name} segments.")


def _tile_size(image: Image.Image) -> Size:
    """Of a TIFF in tiles; else 0, 0."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return 0, 0
    tags = TiffImagePlugin.TILEWIDTH, TiffImagePlugin.TILELENGTH
    across, down = (int(image.tag_v2.get(tag, 0)) for tag in tags)
    return across, down


def _check_header(image: ImageFile.ImageFile, tile: Size, body: bytes, max_pixels: int) -> None:
    width, height = image.size
    check_stored(image.size, max_pixels)
    if tile[0] * tile[1] > max_pixels:  # they are decoded whole, however little the image covers
        raise ImageSizeOutOfRange(
            f"The image is in tiles of {tile[0]}x{tile[1]} pixels; at most {max_pixels} are taken."
        )
    run_length = any(tile.codec_name == "bmp_rle" for tile in image.tile)
    if run_length and width * height > _MAX_RLE_PIXELS:
        raise ImageSizeOutOfRange(
            f"The run-length encoded image has {width}x{height} = {width * height} pixels; "
            f"at most {_MAX_RLE_PIXELS} are taken. Send it as PNG."
        )
    # A scan of a few bytes can cost a pass over all pixels, and a file may hold any number of them.
    if OUTPUT_FORMATS.get(image.format) == "jpeg" and _scans(body) > _MAX_SCANS:
        raise BrokenImage(f"The JPEG image has over {_MAX_SCANS} scans.")


def _scans(body: bytes) -> int:
    scans = position = 0
    while scans <= _MAX_SCANS and (segment := _SEGMENT.search(body, position)):
        if segment[0] == b"\xff\xd9":
            break
        scans += segment[0] == b"\xff\xda"
        position = segment.end() + int.from_bytes(body[segment.end() : segment.end() + 2])
    return scans


def _as_stored(image: ImageFile.ImageFile, body: bytes) -> Picture | None:
    """A JPEG that is upright and in sRGB, as most are; None for others."""
    if image.format != "JPEG" or image.mode != "RGB":
        return None
    orientation, notice = _metadata(image)
    if orientation in _TRANSPOSE or not color.is_srgb(image.info.get("icc_profile")):
        return None
    pixels = jpeg.decode(body, image.height, image.width)
    return None if pixels is None else Picture(pixels, None, notice)


def _metadata(image: Image.Image) -> tuple[object, str | None]:
    """The EXIF orientation and the copyright notice."""
    orientation, notice = None, image.info.get("Copyright")  # PNG's text of that name
    with suppress(Exception):  # broken metadata is no reason to refuse a whole picture
        orientation = image.getexif().get(ExifTags.Base.Orientation)
        notice = image.getexif().get(ExifTags.Base.Copyright, notice)
    if not isinstance(notice, str):
        return orientation, None
    with suppress(UnicodeError):  # Pillow reads EXIF as Latin-1, where most software writes UTF-8
        notice = notice.encode("latin-1").decode()
    return orientation, notice[:_MAX_NOTICE_CHARACTERS].strip(" \0") or None
