"""What is refused, and that nothing but a Problem comes of any bytes."""

import struct
import tracemalloc
import zlib
from contextlib import suppress

import numpy as np
import pytest
import skimage
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from service.problems import BrokenImage, ImageSizeOutOfRange, Problem, UnsupportedImage
from tests.support.image_headers import (
    bmp_run_lengths,
    gif_header,
    jpeg_segment,
    png_chunk,
    png_header,
    tiff_directory,
)
from tests.support.pictures import file_of, read

SMALL = Image.fromarray(skimage.data.chelsea()).resize((96, 64))


VALID = {
    "jpeg": file_of(SMALL, "JPEG"),
    "progressive jpeg": file_of(SMALL, "JPEG", progressive=True),
    "cmyk jpeg": file_of(SMALL.convert("CMYK"), "JPEG"),
    "png": file_of(SMALL, "PNG"),
    "palette png": file_of(SMALL.quantize(16), "PNG", transparency=bytes(range(16))),
    "animated png": file_of(SMALL, "PNG", save_all=True, append_images=[SMALL.rotate(9)]),
    "webp": file_of(SMALL, "WEBP"),
    "animated webp": file_of(SMALL, "WEBP", save_all=True, append_images=[SMALL.rotate(9)]),
    "avif": file_of(SMALL, "AVIF"),
    "gif": file_of(SMALL, "GIF"),
    "tiff": file_of(SMALL, "TIFF"),
    "lzw tiff": file_of(SMALL, "TIFF", compression="tiff_lzw"),
    "bmp": file_of(SMALL, "BMP"),
}


# Kinds


@pytest.mark.parametrize(
    "body",
    [
        *[b"", b"\0", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7\n"],
        *[file_of(SMALL, format) for format in ("EPS", "PDF", "ICO", "PPM", "TGA", "JPEG2000")],
    ],
)
def test_other_bytes_are_unsupported_and_the_answer_says_what_is(body: bytes) -> None:
    with pytest.raises(UnsupportedImage, match="JPEG, PNG, WebP, AVIF, GIF, TIFF or BMP"):
        read(body)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_samples_of_32_bits_are_unsupported(mode: str) -> None:
    with pytest.raises(UnsupportedImage, match="8 or 16 bits"):
        read(file_of(SMALL.convert("L").convert(mode), "TIFF"))


# Sizes


def test_max_pixels_is_the_last_size_taken() -> None:
    assert read(VALID["png"], max_pixels=96 * 64).pixels.shape == (64, 96, 3)
    with pytest.raises(ImageSizeOutOfRange, match=r"96x64 = 6144 pixels; at most 6143 "):
        read(VALID["png"], max_pixels=96 * 64 - 1)


@pytest.mark.parametrize("size", [(15, 16), (16, 15), (1, 1)])
def test_a_side_under_16_is_out_of_range(size: tuple[int, int]) -> None:
    with pytest.raises(ImageSizeOutOfRange, match=f"{size[0]}x{size[1]} pixels; at least 16 "):
        read(file_of(SMALL.resize(size), "PNG"))


@pytest.mark.parametrize("side", [4_000, 10_000, 15_000, 20_000, 60_000])
def test_size_is_known_from_the_header(side: int) -> None:
    with pytest.raises(ImageSizeOutOfRange, match="at most 10000000 "):
        read(png_header(side, side))


def test_max_pixels_may_exceed_what_pillow_takes_for_a_bomb() -> None:
    with pytest.raises(BrokenImage):  # no pixels follow the header, but its size is welcome
        read(png_header(15_000, 15_000), max_pixels=15_000**2)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gif_header((16, 16), (4_000, 4_000)), id="gif frame beyond its screen"),
        pytest.param(gif_header((16, 16), (65_535, 65_535)), id="gif of 4 GiB in 40 bytes"),
        pytest.param(
            VALID["animated webp"][:24]
            + (65_534).to_bytes(3, "little") * 2
            + VALID["animated webp"][30:],
            id="webp canvas beyond its frames",
        ),
        pytest.param(
            file_of(SMALL, "TIFF", tiffinfo={65_000: 20_000, 65_001: 20_000})
            .replace(struct.pack("<H", 65_000), struct.pack("<H", 322))
            .replace(struct.pack("<H", 65_001), struct.pack("<H", 323)),
            id="tiff tile beyond its image",
        ),
    ],
)
def test_what_would_decode_to_more_than_its_size_is_out_of_range(body: bytes) -> None:
    with pytest.raises(ImageSizeOutOfRange):
        read(body)


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    body = VALID["progressive jpeg"]
    scan = body[body.rindex(b"\xff\xda") : -2]

    with pytest.raises(BrokenImage, match="over 100 scans"):
        read(body[:-2] + scan * 100 + body[-2:])


def test_scan_markers_after_the_end_of_a_jpeg_do_not_count() -> None:
    assert read(VALID["jpeg"] + b"\0\2" + b"\xff\xda\0\2" * 200).pixels.shape == (64, 96, 3)


# Pieces


def png_in_pieces(body: bytes, size: int) -> bytes:
    """The same picture with its pixels in IDAT chunks of so many bytes."""
    pixels, others, place = b"", [], 8
    while place < len(body):
        (length,) = struct.unpack_from(">I", body, place)
        chunk = body[place : place + 12 + length]
        place += len(chunk)
        if chunk[4:8] == b"IDAT":
            pixels += chunk[8:-4]
        else:
            others.append(chunk)
    pieces = [png_chunk(b"IDAT", pixels[at : at + size]) for at in range(0, len(pixels), size)]
    return body[:8] + b"".join([*others[:-1], *pieces, others[-1]])


@pytest.mark.parametrize(
    ("kind", "at", "piece", "complaint"),
    [
        pytest.param("jpeg", 2, b"\xff", "smaller pieces", id="jpeg padding"),
        pytest.param("jpeg", 2, jpeg_segment(0xFE, b""), "smaller pieces", id="jpeg comments"),
        pytest.param(
            *("jpeg", 2, jpeg_segment(0xE1, b"Exif\0\0" + bytes(99)), "over 100 Exif segments"),
            id="jpeg exif",
        ),
        pytest.param("png", 33, png_chunk(b"abCd", b""), "smaller pieces", id="png chunks"),
        pytest.param("png", -12, png_chunk(b"abCd", b""), "smaller pieces", id="at a png's end"),
        pytest.param(
            *("png", 33, png_chunk(b"iCCP", b"a\0\0" + zlib.compress(b""))),
            "over 100 iCCP segments",
            id="png profiles",
        ),
        pytest.param("gif", 13 + 768, b"\x21\xfe\1x\0", "smaller pieces", id="gif comments"),
    ],
)
def test_a_file_in_a_million_pieces_is_refused(
    kind: str, at: int, piece: bytes, complaint: str
) -> None:
    body = VALID[kind]
    with pytest.raises(BrokenImage, match=complaint):
        read(body[:at] + piece * (1_000_000 // len(piece)) + body[at:])


def test_a_png_in_small_pieces_is_read() -> None:
    whole = file_of(Image.fromarray(skimage.data.astronaut()), "PNG", compress_level=0)
    pieces = png_in_pieces(whole, 512)
    assert (read(pieces).pixels == read(whole).pixels).all()


def test_a_tiff_with_a_strip_for_each_of_many_rows_is_read() -> None:
    tall = Image.fromarray(np.resize(skimage.data.astronaut(), (60_000, 16, 3)))
    assert read(file_of(tall, "TIFF", tiffinfo={278: 1})).pixels.shape == (60_000, 16, 3)


def test_tags_that_all_claim_the_same_bytes_do_not_copy_them_all() -> None:
    start, end = VALID["png"][:33], VALID["png"][33:]
    body = start + png_chunk(b"eXIf", tiff_directory(5000, 65_000)) + end
    tracemalloc.start()
    read(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10 * len(body)


def test_a_run_length_encoded_bmp_is_read_up_to_four_megapixels() -> None:
    assert read(bmp_run_lengths(32, 16, b"\x20\7\0\0" * 16)).pixels.max() == 7
    with pytest.raises(ImageSizeOutOfRange, match=r"run-length encoded .* at most 4194304 "):
        read(bmp_run_lengths(2049, 2048, b"\1\1\0\0" * 2048))


# Hostile bytes


@pytest.mark.parametrize("kind", VALID)
def test_a_header_alone_is_broken(kind: str) -> None:
    with pytest.raises(BrokenImage, match=r"^The \w+ image is damaged, cut off, or .*\.$"):
        read(VALID[kind][:24])


@given(kind=st.sampled_from(sorted(VALID)), share=st.floats(0, 1))
@settings(max_examples=150, deadline=None)
def test_a_truncated_file_decodes_whole_or_is_a_problem(kind: str, share: float) -> None:
    with suppress(Problem):
        picture = read(VALID[kind][: int(share * len(VALID[kind]))])
        assert picture.pixels.shape == (64, 96, 3)


@given(
    kind=st.sampled_from(sorted(VALID)),
    flips=st.lists(st.tuples(st.floats(0, 1) | st.floats(0, 0.1), st.integers(0, 7)), min_size=1),
)
@settings(max_examples=200, deadline=None)
def test_flipped_bits_raise_nothing_but_a_problem(
    kind: str, flips: list[tuple[float, int]]
) -> None:
    body = bytearray(VALID[kind])
    for share, bit in flips:
        body[int(share * (len(body) - 1))] ^= 1 << bit
    with suppress(Problem):
        assert read(bytes(body)).pixels.shape[2] == 3


@given(
    magic=st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"II*\0", b"BM"]),
    rest=st.binary(max_size=200),
)
@settings(max_examples=100, deadline=None)
def test_any_bytes_after_a_magic_number_raise_a_problem(magic: bytes, rest: bytes) -> None:
    with pytest.raises(Problem):
        read(magic + rest)
