"""Every kind of pixel becomes eight-bit RGB and alpha: depth, palettes, transparency, inks."""

import struct
import zlib

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from PIL import Image

from tests.support.pictures import file_of, read

PHOTO = Image.fromarray(skimage.data.coffee()).resize((96, 64))
RGB = np.asarray(PHOTO)
GREY = np.asarray(PHOTO.convert("L"))
RAMP = np.tile(np.arange(0, 256, dtype=np.uint8), (16, 1))
FADE = Image.fromarray(np.tile(np.arange(96, dtype=np.uint8) * 2, (64, 1)))


def png(samples: NDArray[np.integer], depth: int, transparent: bytes | None = None) -> bytes:
    """A PNG that Pillow cannot write: [H, W] grey or [H, W, 3] RGB of any depth, and its tRNS."""
    height, width = samples.shape[:2]
    bits = np.unpackbits(samples.astype(">u2").reshape(height, -1, 1).view(np.uint8), axis=2)
    rows = np.packbits(bits[:, :, 16 - depth :].reshape(height, -1), axis=1)
    colour_type = 2 if samples.ndim == 3 else 0
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))]
    if transparent is not None:
        chunks.append((b"tRNS", transparent))
    chunks.append((b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in [*chunks, (b"IEND", b"")]
    )


# Grey and depth


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP", "GIF"])
def test_grey_becomes_three_equal_channels(format: str) -> None:
    pixels = read(file_of(Image.fromarray(GREY), format)).pixels

    assert np.array_equal(pixels, np.stack([GREY] * 3, -1))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "BMP"])
def test_one_bit_is_black_and_white(format: str) -> None:
    drawing = PHOTO.convert("1")

    assert np.array_equal(
        read(file_of(drawing, format)).pixels[..., 0], np.asarray(drawing) * np.uint8(255)
    )


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_whole_range_of_any_depth_becomes_0_to_255(depth: int) -> None:
    samples = np.linspace(0, 2**depth - 1, 256).round().astype(int).reshape(16, 16)
    expected = (samples * 255 / (2**depth - 1)).round()

    assert np.array_equal(read(png(samples, depth)).pixels[..., 0], expected)


def test_sixteen_bit_rgb_is_scaled_not_clipped() -> None:
    pixels = read(png(RGB.astype(int) * 257, 16)).pixels

    assert np.array_equal(pixels, RGB)


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_sixteen_bit_grey_tiff_is_scaled_not_clipped(mode: str) -> None:
    samples = (RAMP.astype(np.uint16) * 257).astype(">u2" if mode == "I;16B" else "<u2")
    image = Image.frombytes(mode, (256, 16), samples.tobytes())

    assert np.array_equal(read(file_of(image, "TIFF")).pixels[..., 0], RAMP)
    inverted = read(file_of(image, "TIFF", tiffinfo={262: 1 if mode == "I;16B" else 0}))
    assert np.array_equal(inverted.pixels[..., 0], RAMP if mode == "I;16B" else 255 - RAMP)


def test_twelve_bit_grey_tiff_is_scaled() -> None:
    white, black = b"\xff\xff\xff", b"\0\0\0"  # two samples each
    body = file_of(Image.frombytes("L", (24, 16), (white + black) * 64), "TIFF")
    body = body.replace(struct.pack("<HHIH", 256, 4, 1, 24), struct.pack("<HHIH", 256, 4, 1, 16))
    body = body.replace(struct.pack("<HHIH", 256, 3, 1, 24), struct.pack("<HHIH", 256, 3, 1, 16))
    body = body.replace(struct.pack("<HHIH", 258, 3, 1, 8), struct.pack("<HHIH", 258, 3, 1, 12))

    assert read(body).pixels[0, :4, 0].tolist() == [255, 255, 0, 0]


# Alpha


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_alpha_is_apart_and_not_composited(mode: str, format: str) -> None:
    image = PHOTO.convert(mode)
    image.putalpha(FADE)

    picture = read(file_of(image, format))

    assert np.array_equal(picture.pixels, np.asarray(PHOTO.convert(mode[:-1]).convert("RGB")))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, np.asarray(FADE))


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "AVIF"])
def test_an_opaque_alpha_channel_is_none(format: str) -> None:
    assert read(file_of(PHOTO.convert("RGBA"), format)).alpha is None


@pytest.mark.parametrize("format", ["PNG", "GIF", "TIFF", "BMP"])
def test_a_palette_is_looked_up(format: str) -> None:
    image = PHOTO.quantize(64)

    picture = read(file_of(image, format))

    assert np.array_equal(picture.pixels, np.asarray(image.convert("RGB")))
    assert picture.alpha is None


@pytest.mark.parametrize("format", ["PNG", "GIF"])
def test_a_palette_may_have_one_transparent_entry(format: str) -> None:
    image = PHOTO.quantize(64)

    alpha = read(file_of(image, format, transparency=5)).alpha

    assert alpha is not None
    assert np.array_equal(alpha == 0, np.asarray(image) == 5)


def test_a_palette_may_have_an_alpha_for_each_entry() -> None:
    image = PHOTO.quantize(64)
    alphas = np.arange(64, dtype=np.uint8) * 4

    alpha = read(file_of(image, "PNG", transparency=alphas.tobytes())).alpha

    assert alpha is not None
    assert np.array_equal(alpha, alphas[np.asarray(image)])


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_one_grey_may_be_transparent_at_any_depth(depth: int) -> None:
    samples = np.linspace(0, 2**depth - 1, 256).round().astype(int).reshape(16, 16)
    clear = samples[5, 5]

    alpha = read(png(samples, depth, struct.pack(">H", clear))).alpha

    assert alpha is not None
    assert np.array_equal(alpha == 0, samples == clear)


@pytest.mark.parametrize("depth", [8, 16])
def test_one_colour_may_be_transparent(depth: int) -> None:
    samples = RGB.astype(int) * 256 + 7 if depth == 16 else RGB.astype(int)

    alpha = read(png(samples, depth, struct.pack(">HHH", *samples[5, 5]))).alpha

    assert alpha is not None
    assert np.array_equal(alpha == 0, (samples == samples[5, 5]).all(-1))


# Inks


def test_cmyk_jpeg_has_its_colours_not_their_negative() -> None:
    pixels = read(file_of(PHOTO.convert("CMYK"), "JPEG", quality=95)).pixels

    assert np.abs(pixels.astype(int) - RGB).mean() < 3


def test_ycck_jpeg_has_its_colours_not_their_negative() -> None:
    """As Adobe writes them: the inks inverted, CMY as YCbCr, and marked so."""
    luma_chroma = PHOTO.point(lambda level: 255 - level).convert("YCbCr").split()
    stored = [band.point(lambda level: 255 - level) for band in luma_chroma]
    body = file_of(Image.merge("CMYK", [*stored, Image.new("L", PHOTO.size)]), "JPEG", quality=95)
    marker = b"Adobe\0\x64\0\0\0\0"
    assert marker + b"\0" in body

    pixels = read(body.replace(marker + b"\0", marker + b"\2")).pixels

    assert np.abs(pixels.astype(int) - RGB).mean() < 3
