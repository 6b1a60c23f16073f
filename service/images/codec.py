"""Image files to arrays of sRGB pixels, and back.

Whatever kind of file comes in, one kind of array goes on: oriented, in sRGB, eight bits a sample,
alpha apart. All that is not pixels is dropped, save the copyright notice.
"""

import re
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile, TiffImagePlugin

from service.images import color, jpeg
from service.images.metered import MeteredFile
from service.problems import BrokenImage, ImageSizeOutOfRange, Problem, UnsupportedImage

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
"""How much of a file tells which of them it is."""
_DECODERS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP")
_IN_KIND: Mapping[str | None, ImageFormat] = {
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
_MAX_SCANS = 100  # a progressive JPEG has about ten
# A file has one of these at most. Pillow puts all that come together, one copy more for each, or
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


@dataclass(frozen=True)
class Picture:
    """A decoded image."""

    pixels: NDArray[np.uint8]
    """[H, W, 3], sRGB, C-contiguous, possibly read-only."""
    alpha: NDArray[np.uint8] | None
    """[H, W], not premultiplied; None if opaque."""
    copyright: str | None
    format: ImageFormat
    """What answers in kind: the input's own format, or png for one that is not written."""


def decode(
    body: bytes, *, max_pixels: int, size_rule: Callable[[Size, ImageFormat], Size]
) -> Picture:
    """Decode an image of at most ``max_pixels``, shrunk to what ``size_rule`` makes of its size.

    The rule is given the stored size and the format that answers in kind, before any pixel is
    decoded; it may raise ImageSizeOutOfRange. Raises that, UnsupportedImage or BrokenImage, and
    nothing else whatever the bytes.
    """
    decoder = _decoder_of(body)
    if decoder is None:
        raise UnsupportedImage(f"Send a {READ} image.")
    _check_singles(decoder, body)
    try:
        with Image.open(MeteredFile(body), formats=(decoder,)) as image:
            _check_header(image, body, max_pixels)
            kind = _IN_KIND.get(image.format, "png")
            return _read(image, body, size_rule(image.size, kind), kind)
    except Problem:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageSizeOutOfRange(
            f"The image has over {Image.MAX_IMAGE_PIXELS} pixels; at most {max_pixels} are taken."
        ) from error
    # Pillow's parsers trust lengths, offsets and types in the file, so that broken bytes raise
    # nearly any exception (MemoryError too, for an absurd length), and which is not documented.
    # Nothing but the bytes varies here, and their size is checked: what fails, fails by them.
    except Exception as error:
        raise BrokenImage(
            f"The {decoder} image is damaged, cut off, or of a kind that cannot be read."
        ) from error


def kind_of(head: bytes) -> ImageFormat | None:
    """The format that answers a file in kind, by its first bytes; None for no image we read."""
    decoder = _decoder_of(head)
    return None if decoder is None else _IN_KIND.get(decoder, "png")


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


def check_holds(format: ImageFormat, size: Size) -> None:
    """Raises ImageSizeOutOfRange if a picture of this size is larger than the format can hold."""
    if max(size) > _MAX_SIDE[format]:
        raise ImageSizeOutOfRange(
            f"The answer has {size[0]}x{size[1]} pixels; {format} holds at most "
            f"{_MAX_SIDE[format]} a side. Ask for format=png or send a smaller image."
        )


def _decoder_of(body: bytes) -> str | None:
    magic = ((name, Image.OPEN[name][1]) for name in _DECODERS)
    return next(
        (name for name, accept in magic if accept and accept(body[:MAGIC_BYTES]) is True), None
    )


def _check_singles(decoder: str, body: bytes) -> None:
    single = _SINGLE.get(decoder)
    if single is not None and body.count(single) > _MAX_SINGLES:
        name = single.decode().rstrip("\0")
        raise BrokenImage(f"The {decoder} image has over {_MAX_SINGLES} {name} segments.")


def _check_header(image: ImageFile.ImageFile, body: bytes, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageSizeOutOfRange(
            f"The image has {width}x{height} = {width * height} pixels; "
            f"at most {max_pixels} are taken."
        )
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # Tiles are decoded whole, however little of them the image covers.
        across = image.tag_v2.get(TiffImagePlugin.TILEWIDTH, 0)
        down = image.tag_v2.get(TiffImagePlugin.TILELENGTH, 0)
        if across * down > max_pixels:
            raise ImageSizeOutOfRange(
                f"The image is in tiles of {across}x{down} pixels; at most {max_pixels} are taken."
            )
    run_length = any(tile.codec_name == "bmp_rle" for tile in image.tile)
    if run_length and width * height > _MAX_RLE_PIXELS:
        raise ImageSizeOutOfRange(
            f"The run-length encoded image has {width}x{height} = {width * height} pixels; "
            f"at most {_MAX_RLE_PIXELS} are taken. Send it as PNG."
        )
    # A scan of a few bytes can cost a pass over all pixels, and a file may have any number of them.
    if _IN_KIND.get(image.format) == "jpeg" and _scans(body) > _MAX_SCANS:
        raise BrokenImage(f"The JPEG image has over {_MAX_SCANS} scans.")


def _scans(body: bytes) -> int:
    scans = position = 0
    while scans <= _MAX_SCANS and (segment := _SEGMENT.search(body, position)):
        if segment[0] == b"\xff\xd9":
            break
        scans += segment[0] == b"\xff\xda"
        position = segment.end() + int.from_bytes(body[segment.end() : segment.end() + 2])
    return scans


def _read(image: ImageFile.ImageFile, body: bytes, size: Size, kind: ImageFormat) -> Picture:
    if size == image.size and (stored := _as_stored(image, body, kind)) is not None:
        return stored
    box = None
    # A JPEG decodes at a half, a quarter or an eighth in its DCT, to a box of fractional size.
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
    return Picture(np.asarray(color.to_srgb(picture, profile)), alpha, notice, kind)


def _as_stored(image: ImageFile.ImageFile, body: bytes, kind: ImageFormat) -> Picture | None:
    """A JPEG that is upright and in sRGB, as most are; None for others."""
    if image.format != "JPEG" or image.mode != "RGB":
        return None
    orientation, notice = _metadata(image)
    if orientation in _TRANSPOSE or not color.is_srgb(image.info.get("icc_profile")):
        return None
    pixels = jpeg.decode(body, image.height, image.width)
    return None if pixels is None else Picture(pixels, None, notice, kind)


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
