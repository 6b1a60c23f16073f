"""Rows of a Painter's style: stroke sizes between them, mixtures, and their file."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.models import rows
from service.models.rows import Rows

THREE = Rows(np.array([[0, 0], [1, 10], [3, 20]], np.float32), Path("rows.npz"))
ONE = Rows(np.array([[5, 50]], np.float32), Path("rows.npz"))


@pytest.mark.parametrize(
    ("stroke", "row"),
    [
        (0.5, [0, 0]),
        (2**-0.5, [0.5, 5]),
        (1, [1, 10]),
        (2**0.5, [2, 15]),
        (2, [3, 20]),
    ],
)
def test_stroke_sizes_are_interpolated_by_octaves_between_the_rows(
    stroke: float, row: list[float]
) -> None:
    assert THREE.at(stroke) == pytest.approx(row)


@pytest.mark.parametrize("stroke", [0.5, 1, 1.7, 2])
def test_a_style_of_one_row_has_it_at_every_stroke_size(stroke: float) -> None:
    assert ONE.at(stroke).tolist() == [5, 50]


def test_of_five_rows_each_is_half_an_octave_from_the_next() -> None:
    five = Rows(np.arange(5, dtype=np.float32)[:, None], Path("rows.npz"))
    sizes = (0.5, 2**-0.5, 1, 2**0.5, 2)
    assert [float(five.at(stroke)[0]) for stroke in sizes] == pytest.approx([0, 1, 2, 3, 4])


def test_a_style_says_which_stroke_sizes_it_has() -> None:
    assert THREE.strokes == (0.5, 2)
    assert ONE.strokes == (1, 1)


def test_a_mixture_takes_each_style_s_row_of_the_stroke_size_by_its_share() -> None:
    mixed = rows.mixed([(THREE, 0.75), (ONE, 0.25)], stroke=2)
    assert mixed.tolist() == [0.75 * 3 + 0.25 * 5, 0.75 * 20 + 0.25 * 50]
    assert mixed.dtype == np.float32


def test_a_row_that_is_not_mixed_is_the_one_in_the_file_to_the_bit(tmp_path: Path) -> None:
    written = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    np.savez(tmp_path / "rows.npz", rows=written)
    read = rows.read(tmp_path / "rows.npz")
    assert np.array_equal(rows.mixed([(read, 1.0)], stroke=1), written[1])


@pytest.mark.parametrize(
    ("arrays", "named"),
    [
        ({"row": np.zeros((3, 6), np.float32)}, "rows"),
        ({"rows": np.zeros(6, np.float32)}, "float32 [6]"),
        ({"rows": np.zeros((2, 6), np.float32)}, "K is odd"),
        ({"rows": np.zeros((0, 6), np.float32)}, "K is odd"),
        ({"rows": np.zeros((3, 0), np.float32)}, "float32 [3, 0]"),
        ({"rows": np.zeros((3, 6), np.float64)}, "float64 [3, 6]"),
        ({"rows": np.full((1, 6), np.nan, np.float32)}, "finite"),
        ({"rows": np.full((1, 6), np.inf, np.float32)}, "finite"),
        ({"rows": np.array([[None]], object)}, "allow_pickle"),
    ],
)
def test_an_array_that_is_no_rows_is_refused(
    tmp_path: Path, arrays: dict[str, Any], named: str
) -> None:
    np.savez(tmp_path / "rows.npz", **arrays)
    with pytest.raises(ValueError, match=re.escape(named)):
        rows.read(tmp_path / "rows.npz")


@pytest.mark.parametrize("content", [b"", b"rows", b"PK\x03\x04" + bytes(50)])
def test_a_file_that_is_no_npz_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rows.npz").write_bytes(content)
    with pytest.raises(ValueError, match="not rows of a style"):
        rows.read(tmp_path / "rows.npz")
