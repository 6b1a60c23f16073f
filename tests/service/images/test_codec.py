"""Image files as callers send and get them: formats, orientation, size, metadata, encoding."""

from io import BytesIO

import numpy as np
import pytest
import skimage
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin

from service.images.codec import Picture, encode, open_image
from service.images.formats import MEDIA_TYPES
from service.problems import ImageSizeOutOfRange
from tests.support.pictures import file_of, read

PHOTO = Image.fromarray(skimage.data.chelsea())  # 451 x 300
SMALL = PHOTO.resize((96, 64))
FORMATS = sorted(MEDIA_TYPES)


def picture_of(image: Image.Image, notice: str | None = None) -> Picture:
    return Picture(np.asarray(image), None, notice)


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """The mean over all samples, in levels of 255; inf if the shapes differ."""
    return np.abs(one.astype(int) - other).mean() if one.shape == other.shape else np.inf


# Formats


@pytest.mark.parametrize(
    ("format", "kind"),
    [
        *[("JPEG", "jpeg"), ("MPO", "jpeg"), ("PNG", "png"), ("WEBP", "webp"), ("AVIF", "avif")],
        *[("GIF", "png"), ("TIFF", "png"), ("BMP", "png")],
    ],
)
def test_an_image_is_answered_in_kind_or_as_png(format: str, kind: str) -> None:
    with open_image(file_of(SMALL, format), max_pixels=SMALL.width * SMALL.height) as image:
        assert image.output_format == kind
        picture = image.decode(image.size)

    assert difference(picture.pixels, np.asarray(SMALL)) < 8


def test_pixels_are_contiguous_rgb() -> None:
    pixels = read(file_of(PHOTO, "JPEG")).pixels

    assert (pixels.shape, pixels.dtype) == ((300, 451, 3), np.uint8)
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("photo", ["astronaut", "coffee", "chelsea"])
def test_a_photograph_survives_png_byte_for_byte(photo: str) -> None:
    pixels = getattr(skimage.data, photo)()

    assert np.array_equal(read(encode(picture_of(pixels), "png", 90)).pixels, pixels)


@given(width=st.integers(16, 200), height=st.integers(16, 200), transparent=st.booleans())
@settings(max_examples=30, deadline=None)
def test_png_is_lossless_at_any_size(width: int, height: int, transparent: bool) -> None:
    noise = np.random.default_rng(width).integers(0, 255, (height, width, 4), np.uint8)
    alpha = noise[..., 3] if transparent else None

    again = read(encode(Picture(noise[..., :3].copy(), alpha, None), "png", 1))

    assert np.array_equal(again.pixels, noise[..., :3])
    assert again.alpha is None if alpha is None else np.array_equal(again.alpha, alpha)


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "AVIF"])
def test_the_first_frame_stands_for_an_animation(format: str) -> None:
    others = [SMALL.transpose(Image.Transpose.ROTATE_180), Image.new("RGB", SMALL.size)]

    picture = read(file_of(SMALL, format, save_all=True, append_images=others))

    assert difference(picture.pixels, np.asarray(SMALL)) < 8


# Orientation

UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].swapaxes(0, 1),
    8: lambda stored: np.rot90(stored),
}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_exif_orientation_is_applied(format: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation

    pixels = read(file_of(SMALL, format, exif=exif)).pixels

    assert difference(pixels, UPRIGHT[orientation](np.asarray(SMALL))) < 8


def test_alpha_turns_with_the_picture_and_max_side_means_the_upright_one() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    half = Image.new("RGBA", (100, 50), "red")
    half.paste((0, 0, 0, 0), (0, 0, 50, 50))

    picture = read(file_of(half, "PNG", exif=exif), max_side=80)

    assert picture.pixels.shape == (80, 40, 3)
    assert picture.alpha is not None
    assert (picture.alpha[0] == 0).all()
    assert (picture.alpha[-1] == 255).all()


# Shrinking


@given(
    size=st.tuples(st.integers(16, 300), st.integers(16, 300)),
    max_side=st.integers(16, 320),
    format=st.sampled_from(["JPEG", "PNG"]),
)
@settings(max_examples=60, deadline=None)
def test_max_side_bounds_the_longer_side_and_keeps_the_aspect(
    size: tuple[int, int], max_side: int, format: str
) -> None:
    body = file_of(SMALL.resize(size), format)

    height, width, _ = read(body, max_side=max_side).pixels.shape

    scale = min(1, max_side / max(size))
    assert max(width, height) == min(max_side, max(size))
    assert abs(width - max(16, size[0] * scale)) < 1
    assert abs(height - max(16, size[1] * scale)) < 1


@pytest.mark.parametrize("max_side", [450, 300, 225, 113, 60])
@pytest.mark.parametrize("format", ["JPEG", "PNG"])
def test_shrinking_looks_like_lanczos_from_full_size(format: str, max_side: int) -> None:
    body = file_of(PHOTO, format)
    picture = read(body, max_side=max_side)

    with Image.open(BytesIO(body)) as full:
        expected = full.resize(picture.pixels.shape[1::-1], Image.Resampling.LANCZOS)
    assert difference(picture.pixels, np.asarray(expected)) < 1.5


def test_colours_of_transparent_pixels_do_not_bleed_when_shrinking() -> None:
    image = Image.new("RGBA", (200, 200), (0, 255, 0, 0))
    image.paste((255, 0, 0, 255), (51, 51, 149, 149))

    picture = read(file_of(image, "PNG"), max_side=64)

    assert picture.alpha is not None
    seen = picture.pixels[picture.alpha > 8]
    assert seen[:, 0].min() > 240
    assert seen[:, 1].max() < 15


# Metadata


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("notice", ["Jane Doe", "© 2024 Ünal Kaya, 東京", "x" * 4096])
def test_the_copyright_notice_survives(format: str, notice: str) -> None:
    assert read(encode(picture_of(SMALL, notice), format, 80)).copyright == notice


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_nothing_but_the_copyright_notice_is_kept(format: str) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Camera"
    exif[ExifTags.Base.Copyright] = "Jane Doe"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    picture = read(file_of(SMALL, format, exif=exif))

    for answer in FORMATS:
        with Image.open(BytesIO(encode(picture, answer, 80))) as image:
            assert dict(image.getexif()) == {ExifTags.Base.Copyright: "Jane Doe"}
            assert not {"icc_profile", "xmp", "comment"} & image.info.keys()


@pytest.mark.parametrize("format", FORMATS)
def test_without_a_notice_no_metadata_is_written(format: str) -> None:
    with Image.open(BytesIO(encode(picture_of(SMALL), format, 80))) as image:
        assert not {"exif", "icc_profile", "xmp", "comment"} & image.info.keys()


def test_the_notice_may_be_png_text_or_latin_1() -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Copyright", "© Jane Doe")
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "© Jane Doe".encode("latin-1")

    assert read(file_of(SMALL, "PNG", pnginfo=text)).copyright == "© Jane Doe"
    assert read(file_of(SMALL, "JPEG", exif=exif)).copyright == "© Jane Doe"


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_metadata_does_not_break_a_picture() -> None:
    picture = read(file_of(SMALL, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff junk"))

    assert picture.pixels.shape == (64, 96, 3)
    assert picture.copyright is None


# Encoding


@pytest.mark.parametrize("format", FORMATS)
def test_answers_have_the_media_type_they_claim(format: str) -> None:
    with Image.open(BytesIO(encode(picture_of(SMALL), format, 80))) as image:
        assert image.get_format_mimetype() == MEDIA_TYPES[format]


@pytest.mark.parametrize("format", ["jpeg", "webp", "avif"])
def test_quality_buys_likeness_with_bytes(format: str) -> None:
    bodies = [encode(picture_of(SMALL), format, quality) for quality in (1, 50, 100)]

    assert sorted(bodies, key=len) == bodies
    errors = [difference(read(body).pixels, np.asarray(SMALL)) for body in bodies]
    assert sorted(errors, reverse=True) == errors


@pytest.mark.parametrize(("quality", "sampling"), [(1, 2), (89, 2), (90, 0), (100, 0)])
def test_jpeg_is_baseline_with_full_chroma_from_quality_90(quality: int, sampling: int) -> None:
    with Image.open(BytesIO(encode(picture_of(SMALL), "jpeg", quality))) as image:
        assert JpegImagePlugin.get_sampling(image) == sampling
        assert "progressive" not in image.info


def test_jpeg_shows_alpha_over_white() -> None:
    alpha = np.repeat(np.array([[0], [128], [255]], np.uint8), 32, axis=0).repeat(96, axis=1)
    black = Picture(np.zeros((96, 96, 3), np.uint8), alpha, None)

    picture = read(encode(black, "jpeg", 95))

    assert picture.alpha is None
    assert picture.pixels[[16, 48, 80], 48].tolist() == [[255] * 3, [127] * 3, [0] * 3]


@pytest.mark.parametrize("format", ["png", "webp", "avif"])
def test_alpha_is_carried_by_every_other_format(format: str) -> None:
    alpha = np.tile(np.arange(96, dtype=np.uint8) * 2, (64, 1))

    again = read(encode(Picture(np.asarray(SMALL), alpha, None), format, 95)).alpha

    assert again is not None
    assert np.abs(again.astype(int) - alpha).max() <= 4


@pytest.mark.parametrize(("format", "side"), [("jpeg", 65_500), ("webp", 16_383), ("avif", 32_768)])
def test_a_picture_too_large_for_its_format_is_refused_not_failed(format: str, side: int) -> None:
    def line(length: int) -> Picture:
        return Picture(np.zeros((16, length, 3), np.uint8), None, None)

    assert read(encode(line(side), format, 50)).pixels.shape == (16, side, 3)
    with pytest.raises(ImageSizeOutOfRange, match=f"{side + 1}x16"):
        encode(line(side + 1), format, 50)
