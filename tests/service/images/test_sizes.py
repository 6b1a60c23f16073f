"""Which sizes of images are upscaled."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.images.sizes import Upscaled
from service.problems import ImageSizeOutOfRange

sides = st.integers(1, 5000)


@given(size=st.tuples(sides, sides), factor=st.sampled_from([4, 8]))
def test_an_image_over_the_limit_is_told_the_largest_like_it_that_fits(
    size: tuple[int, int], factor: int
) -> None:
    rule = Upscaled(factor, max_pixels=100_000, format="png")
    assume(size[0] * size[1] * factor**2 > rule.max_pixels)

    with pytest.raises(ImageSizeOutOfRange) as refused:
        rule(size, "png")
    named = re.findall(r"image of (\d+)x(\d+) fits", refused.value.detail)[0]
    width, height = fitting = int(named[0]), int(named[1])

    assert rule(fitting, "png") == fitting
    assert width <= size[0]
    assert height <= size[1]
    assert width == height or (width > height) == (size[0] > size[1])
    assert (max(fitting) + 1) * (min(fitting) + 1) * factor**2 > rule.max_pixels


def test_an_answer_of_exactly_the_limit_is_given() -> None:
    rule = Upscaled(4, max_pixels=16 * 100, format=None)
    assert rule((10, 10), "jpeg") == (10, 10)
    with pytest.raises(ImageSizeOutOfRange):
        rule((101, 1), "jpeg")
