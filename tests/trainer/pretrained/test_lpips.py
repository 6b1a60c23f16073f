"""LPIPS: the distances of its authors' implementation, from weights that are verified."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray

from trainer.pretrained import lpips_weights
from trainer.pretrained.lpips import LPIPS, SMALLEST

DOWNLOADS = os.environ.get("PERCEPTUAL_TEST_DOWNLOADS") == "1"
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def real() -> LPIPS:
    if not (DOWNLOADS or lpips_weights.CACHE.exists()):
        pytest.skip("downloads 64 MB; set PERCEPTUAL_TEST_DOWNLOADS=1 to run")
    return LPIPS(lpips_weights.load())


def pixelated(image: Pixels) -> Pixels:
    return image[::4, ::4].repeat(4, axis=0).repeat(4, axis=1)


def negative(image: Pixels) -> Pixels:
    return 255 - image


def red_for_blue(image: Pixels) -> Pixels:
    return image[..., ::-1]


# By the PyPI package lpips 0.1.4, the authors' own: LPIPS(net="alex").
@pytest.mark.parametrize(
    ("name", "degrade", "expected"),
    [
        ("astronaut", pixelated, 0.402893),
        ("astronaut", negative, 0.465109),
        ("astronaut", red_for_blue, 0.194243),
        ("coffee", pixelated, 0.396334),
        ("coffee", negative, 0.582641),
        ("coffee", red_for_blue, 0.398697),
    ],
)
def test_the_distance_is_that_of_the_authors_implementation(
    real: LPIPS, name: str, degrade: Callable[[Pixels], Pixels], expected: float
) -> None:
    image = getattr(skimage.data, name)()
    assert real(degrade(image), image) == pytest.approx(expected, abs=1e-5)


def test_the_calibration_is_not_negative(real: LPIPS) -> None:
    assert all((linear.weight >= 0).all() for linear in real.linear)


def test_equal_pictures_are_at_distance_0(flax_lpips: dict[str, Any], photograph: Pixels) -> None:
    assert LPIPS(lpips_weights.from_flax(flax_lpips))(photograph, photograph) == 0


def test_the_smallest_picture_is_measured(flax_lpips: dict[str, Any], photograph: Pixels) -> None:
    small = photograph[:SMALLEST, :SMALLEST]
    assert LPIPS(lpips_weights.from_flax(flax_lpips))(negative(small), small) > 0


def test_a_smaller_picture_leaves_nothing_to_compare(
    flax_lpips: dict[str, Any], photograph: Pixels
) -> None:
    smaller = photograph[: SMALLEST - 1]
    with pytest.raises(RuntimeError, match="too small"):
        LPIPS(lpips_weights.from_flax(flax_lpips))(smaller, smaller)
