"""Colours under transparent pixels, and alpha as large as its picture."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from service.images.transparency import fill, resize

Pixels = NDArray[np.uint8]


def disc(side: int, radius: float) -> Pixels:
    """Alpha, 255 inside and 0 outside."""
    y, x = np.mgrid[:side, :side] - side / 2
    return np.where(np.hypot(y, x) < radius, 255, 0).astype(np.uint8)


def test_what_surrounds_a_cut_out_takes_the_colours_at_its_edge(photograph: Pixels) -> None:
    alpha = disc(120, 40)
    picture = photograph[:, :120]
    cut_out = picture * (alpha[..., np.newaxis] > 0)
    around = (disc(120, 42) > 0) & (alpha == 0)

    def error(pixels: Pixels) -> float:
        return float(np.abs(pixels[around].astype(int) - picture[around]).mean())

    assert error(fill(cut_out, alpha)) < error(cut_out) / 4


def test_a_nearly_transparent_pixel_weighs_little() -> None:
    alpha = np.array([[0, 1], [0, 255]], np.uint8)
    pixels = np.array([[[0] * 3, [0] * 3], [[0] * 3, [200] * 3]], np.uint8)
    assert fill(pixels, alpha)[:, 0].min() >= 199


@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    visible=st.floats(0, 1),
    seed=st.integers(0, 99),
)
@settings(deadline=None)
def test_visible_pixels_stay_and_others_lie_within_the_range_of_the_visible(
    size: tuple[int, int], visible: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(100, 151, (*size, 3), np.uint8)
    alpha = rng.integers(1, 256, size, np.uint8) * (rng.random(size) < visible)
    pixels[alpha == 0] = 0

    filled = fill(pixels, alpha)

    assert filled.dtype == np.uint8
    assert np.array_equal(filled[alpha > 0], pixels[alpha > 0])
    if alpha.any():
        assert filled.min() >= 100
        assert filled.max() <= 150


@pytest.mark.parametrize("background", [0, 255])
def test_a_cut_out_enlarged_by_interpolation_has_no_fringe(background: int) -> None:
    alpha = disc(64, 20)
    disc_of_opposite = np.full((64, 64, 3), 255 - background, np.uint8)
    disc_of_opposite[alpha == 0] = background

    filled = Image.fromarray(fill(disc_of_opposite, alpha))
    enlarged = filled.resize((256, 256), Image.Resampling.BICUBIC)
    seen = resize(alpha, 256, 256) > 0

    assert (np.asarray(enlarged)[seen] == 255 - background).all()


def test_opaque_alpha_stays_opaque_when_resized() -> None:
    assert (resize(np.full((3, 5), 255, np.uint8), 24, 40) == 255).all()
