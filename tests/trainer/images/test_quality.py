"""PSNR and SSIM: worked out by hand, and met where the literature publishes them."""

import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from trainer.evaluation.upscalers import is_grey, read
from trainer.images.quality import luma, psnr, ssim
from trainer.images.resampling import enlarge, shrink

Measure = Callable[[NDArray[np.float64], NDArray[np.float64], int], float]

# From gray level 100 to 101, luma goes from 101.88 to 102.74: one level, once rounded.
ONE_LEVEL = 20 * math.log10(255)


def plain(*rgb: int, size: int = 16) -> NDArray[np.uint8]:
    return np.full((size, size, 3), rgb, np.uint8)


def luma_of(*rgb: int) -> NDArray[np.float64]:
    return luma(plain(*rgb))


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((0, 0, 0), 16),
        ((255, 255, 255), 235),
        ((255, 0, 0), 81),  # 16 + 65.481
        ((0, 255, 0), 145),  # 16 + 128.553
        ((0, 0, 255), 41),  # 16 + 24.966
    ],
)
def test_luma_is_that_of_matlabs_rgb2ycbcr(rgb: tuple[int, int, int], expected: int) -> None:
    assert (luma(plain(*rgb)) == expected).all()


def test_psnr_of_one_level_of_luma() -> None:
    assert psnr(luma_of(100, 100, 100), luma_of(101, 101, 101), border=0) == pytest.approx(
        ONE_LEVEL
    )


def test_psnr_of_black_and_white_is_above_0_since_luma_spans_219_levels() -> None:
    expected = 20 * math.log10(255 / 219)
    assert psnr(luma_of(0, 0, 0), luma_of(255, 255, 255), border=0) == pytest.approx(expected)


def test_psnr_averages_the_squared_error_and_not_the_decibels() -> None:
    image = plain(100, 100, 100)
    image[:, :4] = 101  # a quarter of the picture, by one level
    assert psnr(luma(image), luma_of(100, 100, 100), 0) == pytest.approx(
        ONE_LEVEL + 10 * math.log10(4)
    )


def test_psnr_of_equal_pictures_is_infinite(photograph: NDArray[np.uint8]) -> None:
    assert psnr(luma(photograph), luma(photograph), border=4) == math.inf


def test_ssim_of_equal_pictures_is_1(photograph: NDArray[np.uint8]) -> None:
    assert ssim(luma(photograph), luma(photograph), border=4) == pytest.approx(1)


def test_ssim_of_plain_pictures_compares_their_luminance_alone() -> None:
    stabiliser = (0.01 * 255) ** 2
    expected = (2 * 16 * 235 + stabiliser) / (16**2 + 235**2 + stabiliser)
    measured = ssim(luma_of(0, 0, 0), luma_of(255, 255, 255), border=0)
    assert measured == pytest.approx(expected)


def test_ssim_is_the_mean_of_the_papers_formula_over_windows_inside_the_picture(
    photograph: NDArray[np.uint8],
) -> None:
    blurred = enlarge(shrink(photograph, 4), 4)
    profile = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    gaussian = np.outer(profile, profile) / profile.sum() ** 2

    def mean(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        weighted: NDArray[np.float64] = np.tensordot(sliding_window_view(plane, (11, 11)), gaussian)
        return weighted

    x, y = luma(photograph), luma(blurred)
    variances = mean(x * x) + mean(y * y) - mean(x) ** 2 - mean(y) ** 2
    covariance = mean(x * y) - mean(x) * mean(y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    luminance = (2 * mean(x) * mean(y) + c1) / (mean(x) ** 2 + mean(y) ** 2 + c1)
    expected = np.mean(luminance * (2 * covariance + c2) / (variances + c2))
    assert ssim(y, x, border=0) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_the_border_does_not_count(measure: Measure, photograph: NDArray[np.uint8]) -> None:
    truth = luma(photograph)
    spoilt = truth.copy()
    spoilt[:4], spoilt[-4:], spoilt[:, :4], spoilt[:, -4:] = 0, 0, 0, 0
    assert measure(spoilt, truth, 4) == measure(truth, truth, 4)
    assert measure(spoilt, truth, 3) < measure(truth, truth, 3)


def test_grey_levels_are_luma_themselves() -> None:
    assert (luma(plain(0, 0, 0), grey=True) == 0).all()
    assert (luma(plain(130, 130, 130), grey=True) == 130).all()
    assert (luma(plain(255, 255, 255), grey=True) == 255).all()


@pytest.mark.parametrize(
    ("benchmark", "published"),
    [
        ("Set5", (28.42, 0.8101)),
        ("Set14", (25.99, 0.7023)),
        ("BSD100", (25.96, 0.6672)),
    ],
)
def test_bicubic_x4_is_as_good_as_published(
    shared: Path, benchmark: str, published: tuple[float, float]
) -> None:
    measured = [bicubic_x4(file) for file in sorted((shared / "eval" / benchmark).iterdir())]
    decibels, similarities = zip(*measured, strict=True)
    assert round(fmean(decibels), 2) == published[0]
    assert round(fmean(similarities), 4) == published[1]


def bicubic_x4(file: Path) -> tuple[float, float]:
    """PSNR and SSIM of a photograph that was shrunk and enlarged again."""
    truth, grey = read(file, 4), is_grey(file)
    image = luma(enlarge(shrink(truth, 4), 4), grey=grey)
    return psnr(image, luma(truth, grey=grey), border=4), ssim(
        image, luma(truth, grey=grey), border=4
    )
