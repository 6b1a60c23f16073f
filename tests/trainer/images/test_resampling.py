"""Resizing as MATLAB's imresize does it."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trainer.images.resampling import enlarge, enlarging_matrix, shrink, shrinking_matrix


def keys(x: Fraction) -> Fraction:
    """The bicubic kernel with a = -1/2."""
    x = abs(x)
    if x <= 1:
        return Fraction(3, 2) * x**3 - Fraction(5, 2) * x**2 + 1
    if x < 2:
        return -Fraction(1, 2) * x**3 + Fraction(5, 2) * x**2 - 4 * x + 2
    return Fraction(0)


def resized(line: list[int], length: int) -> list[int]:
    """One line, by the definition, in exact arithmetic; halves round up."""
    scale = Fraction(length, len(line))
    widen = min(scale, Fraction(1))
    mirrored = line + line[::-1]
    result = []
    for i in range(length):
        centre = (i + Fraction(1, 2)) / scale - Fraction(1, 2)
        reach = range(math.floor(centre - 2 / widen), math.ceil(centre + 2 / widen) + 1)
        weights = {j: keys((centre - j) * widen) for j in reach}
        value = sum(w * mirrored[j % len(mirrored)] for j, w in weights.items())
        exact = value / sum(weights.values())
        result.append(min(255, max(0, math.floor(exact + Fraction(1, 2)))))
    return result


def across(line: list[int]) -> NDArray[np.uint8]:
    """uint8 [1, W, 1]"""
    return np.array(line, np.uint8)[None, :, None]


lines = st.lists(st.integers(0, 255), min_size=4, max_size=12)


@given(lines.map(lambda line: line * 2), st.sampled_from([4, 8]))
def test_shrinking_a_line_follows_the_definition(line: list[int], factor: int) -> None:
    line = line[: len(line) // factor * factor]
    # One row stays one row: it is mirrored into itself.
    assert shrink(across(line), factor)[0, :, 0].tolist() == resized(line, len(line) // factor)


@given(lines, st.sampled_from([4, 8]))
def test_enlarging_a_line_follows_the_definition(line: list[int], factor: int) -> None:
    enlarged = enlarge(across(line), factor)
    assert enlarged.shape == (factor, factor * len(line), 1)
    assert enlarged[0, :, 0].tolist() == resized(line, factor * len(line))


def test_an_edge_rings_as_bicubic_does() -> None:
    edge = across([0, 0, 0, 0, 200, 200, 200, 200])
    # By hand, the weights of what is bright: an eighth of a pixel past the middle of the last dark
    # one 0.0908 - 0.0068, three eighths 0.3896 - 0.0439; behind the edge one and 0.0479, 0.0732,
    # 0.0439 and 0.0068 more. Before it they are negative, which clips to black.
    climbing = [17, 69, 131, 183, 210, 215, 209, 201]
    assert enlarge(edge, 4)[0, 8:24, 0].tolist() == [0] * 6 + climbing + [200, 200]


def test_the_weights_of_shrinking_by_four_are_the_widened_kernel() -> None:
    middle = shrinking_matrix(40, 4)[5]
    expected = [float(keys(Fraction(2 * j + 1, 8)) / 4) for j in range(8)]
    assert middle[np.nonzero(middle)] == pytest.approx(expected[::-1] + expected, abs=1e-6)


def test_rows_are_rounded_before_columns_are_resized(astronaut: NDArray[np.uint8]) -> None:
    pixels = astronaut[:64, :64]
    matrix = shrinking_matrix(64, 4).astype(np.float64)
    rows = np.floor(np.einsum("yh,hwc->ywc", matrix, pixels).clip(0, 255) + 0.5)
    both = np.floor(np.einsum("xw,ywc->yxc", matrix, rows).clip(0, 255) + 0.5)
    assert np.array_equal(shrink(pixels, 4), both)
    assert np.array_equal(shrink(pixels.transpose(1, 0, 2), 4).shape, (16, 16, 3))


@pytest.mark.parametrize("factor", [4, 8])
def test_a_plain_picture_stays_plain(factor: int) -> None:
    plain = np.full((24, 40, 3), (7, 130, 255), np.uint8)
    assert (shrink(plain, factor) == plain[0, 0]).all()
    assert (enlarge(plain, factor) == plain[0, 0]).all()


def test_sizes_that_are_no_multiple_round_up() -> None:
    assert shrink(np.zeros((9, 13, 3), np.uint8), 4).shape == (3, 4, 3)


def test_the_blur_before_shrinking_is_a_gaussian_of_sigma_pixels() -> None:
    blurred = shrinking_matrix(80, 4, blur_sigma=1.0)
    offsets = np.arange(80) - (4 * 10 + 1.5)

    def variance(row: NDArray[np.float32]) -> float:
        return float((row * offsets**2).sum())

    # Variances of kernels that follow one another add up.
    assert variance(blurred[10]) - variance(shrinking_matrix(80, 4)[10]) == pytest.approx(1, 0.01)
    assert blurred.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-5)


def test_matrices_do_to_a_line_what_resizing_does(astronaut: NDArray[np.uint8]) -> None:
    line = astronaut[200:201, :96, :1]
    by_matrix = enlarging_matrix(96, 4) @ line[0, :, 0].astype(np.float32)
    assert np.abs(enlarge(line, 4)[0, :, 0] - by_matrix.clip(0, 255)).max() <= 0.5 + 1e-3
