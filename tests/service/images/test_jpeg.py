"""JPEG files, whose pixels come from libjpeg-turbo without Pillow where it has no objections."""

import re
from io import BytesIO

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from PIL import Image

from service.images import jpeg
from service.problems import BrokenImage
from tests.support.pictures import file_of, read

PHOTO = Image.fromarray(skimage.data.chelsea())  # 451 x 300


def by_pillow(body: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(body)).convert("RGB"))


@pytest.mark.parametrize(
    "options",
    [
        {"subsampling": "4:4:4"},
        {"subsampling": "4:2:2"},
        {"subsampling": "4:2:0"},
        {"progressive": True},
        {"restart_marker_rows": 2},
        {"keep_rgb": True},
    ],
    ids=str,
)
def test_pixels_are_to_the_bit_those_of_pillow(options: dict[str, object]) -> None:
    body = file_of(PHOTO, "JPEG", **options)
    assert jpeg.decode(body, 300, 451) is not None
    assert np.array_equal(read(body).pixels, by_pillow(body))


def test_what_libjpeg_turbo_only_warns_of_is_read_as_pillow_reads_it() -> None:
    body = file_of(PHOTO, "JPEG", restart_marker_rows=2).replace(b"\xff\xd3", b"", 1)
    assert jpeg.decode(body, 300, 451) is None
    assert np.array_equal(read(body).pixels, by_pillow(body))


@pytest.mark.parametrize("missing", [1000, 30])
def test_a_file_that_is_cut_off_is_refused_and_not_filled_with_grey(missing: int) -> None:
    with pytest.raises(BrokenImage):
        read(file_of(PHOTO, "JPEG")[:-missing])


@pytest.mark.parametrize("claimed", [(16, 16), (600, 902), (2000, 2000)])
def test_no_more_is_decoded_than_the_size_that_was_checked(claimed: tuple[int, int]) -> None:
    assert jpeg.decode(file_of(PHOTO, "JPEG"), *claimed) is None


def test_a_second_frame_header_of_another_size_is_refused() -> None:
    body = file_of(PHOTO, "JPEG")
    frame = re.search(rb"\xff\xc0.{17}", body, re.DOTALL)
    assert frame is not None
    small = frame[0][:5] + (16).to_bytes(2) + (16).to_bytes(2) + frame[0][9:]
    with pytest.raises(BrokenImage):
        read(body[: frame.start()] + small + body[frame.start() :])
    with pytest.raises(BrokenImage):
        read(body[: frame.end()] + small + body[frame.end() :])
