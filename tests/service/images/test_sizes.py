"""Which sizes of images are taken, and how large their results are."""

import math
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.images.sizes import check_stored, check_stylizable, stylized, upscaled
from service.problems import ImageSizeOutOfRange

sides = st.integers(1, 5000)
MAX_PIXELS = 100_000


@given(size=st.tuples(sides, sides), factor=st.sampled_from([4, 8]))
def test_an_image_over_the_limit_is_told_the_largest_like_it_that_fits(
    size: tuple[int, int], factor: int
) -> None:
    assume(size[0] * size[1] * factor**2 > MAX_PIXELS)

    with pytest.raises(ImageSizeOutOfRange) as refused:
        upscaled(size, factor, MAX_PIXELS)
    named = re.findall(r"image of (\d+)x(\d+) fits", refused.value.detail)[0]
    width, height = fitting = int(named[0]), int(named[1])

    assert upscaled(fitting, factor, MAX_PIXELS) == (factor * width, factor * height)
    assert width <= size[0]
    assert height <= size[1]
    assert width == height or (width > height) == (size[0] > size[1])
    assert (max(fitting) + 1) * (min(fitting) + 1) * factor**2 > MAX_PIXELS


def test_an_answer_of_exactly_the_limit_is_given() -> None:
    assert upscaled((10, 10), 4, max_pixels=16 * 100) == (40, 40)
    with pytest.raises(ImageSizeOutOfRange):
        upscaled((101, 1), 4, max_pixels=16 * 100)


def test_images_of_a_request_count_together() -> None:
    assert upscaled((10, 10), 4, max_pixels=32 * 100, images=2) == (40, 40)
    with pytest.raises(ImageSizeOutOfRange, match="2 images of 40x44 = 3520 pixels"):
        upscaled((10, 11), 4, max_pixels=32 * 100, images=2)
    check_stored((10, 10), 200, images=2)
    with pytest.raises(ImageSizeOutOfRange, match="The 3 images have 10x10 = 300 pixels"):
        check_stored((10, 10), 200, images=3)


@given(
    size=st.tuples(st.integers(16, 5000), st.integers(16, 5000)),
    max_side=st.integers(16, 5000) | st.none(),
)
def test_a_stylised_image_keeps_its_proportions_and_its_limits(
    size: tuple[int, int], max_side: int | None
) -> None:
    try:
        width, height = stylized(size, max_side, MAX_PIXELS)
    except ImageSizeOutOfRange as refused:
        width, height = stylized(size, refused.max_side, MAX_PIXELS)
    assert width * height <= MAX_PIXELS
    assert max(width, height) <= (max_side or 5000)
    scale = max(width, height) / max(size)
    assert (width, height) == tuple(max(16, round(side * scale)) for side in size)


def test_without_shrinking_no_max_side_is_named() -> None:
    check_stylizable((400, 250), MAX_PIXELS)
    with pytest.raises(ImageSizeOutOfRange, match=r"at most 100000 are transformed at once\.$"):
        check_stylizable((401, 250), MAX_PIXELS)


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_an_image_without_pixels_is_not_upscaled(size: tuple[int, int]) -> None:
    assert math.prod(size) == 0
    with pytest.raises(ImageSizeOutOfRange, match="at least 1 a side"):
        upscaled(size, 4, MAX_PIXELS)
