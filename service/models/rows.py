"""Rows: the numbers by which a Painter paints in one style, at a stroke size or mixed with others'.

A style has an odd number of rows, from its smallest strokes to its largest. Between two rows every
stroke size is their linear interpolation, and any convex combination of rows is a style of its own
(conditional instance normalization; Dumoulin, Shlens & Kudlur 2017).
"""

import math
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

SMALLEST_STROKE, OWN_STROKE, LARGEST_STROKE = 0.5, 1.0, 2.0
"""Stroke sizes of a style's first, middle and last row."""

Row = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of one style."""

    array: NDArray[np.float32]
    """[K, D]"""
    file: Path
    """Where they were read."""

    @property
    def width(self) -> int:
        """D: how many numbers a row has."""
        return int(self.array.shape[1])

    @property
    def strokes(self) -> tuple[float, float]:
        """The smallest and the largest stroke size that there is."""
        one_size = len(self.array) == 1
        return (OWN_STROKE, OWN_STROKE) if one_size else (SMALLEST_STROKE, LARGEST_STROKE)

    def at(self, stroke: float) -> NDArray[np.float64]:
        """The row of a stroke size, [D]; each step between rows is the same factor of the size."""
        way = math.log2(stroke / SMALLEST_STROKE) / math.log2(LARGEST_STROKE / SMALLEST_STROKE)
        last = len(self.array) - 1
        share, before = math.modf(way * last)
        smaller, larger = self.array[int(before)], self.array[min(int(before) + 1, last)]
        row: NDArray[np.float64] = (1 - share) * smaller.astype(np.float64) + share * larger
        return row

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rows) and np.array_equal(self.array, other.array)


def mixed(shares: Iterable[tuple[Rows, float]], stroke: float) -> Row:
    """The sum of styles' rows at a stroke size, each times its share; shares sum to 1."""
    row: Row = np.sum([share * rows.at(stroke) for rows, share in shares], axis=0, dtype=np.float64)
    return row.astype(np.float32)


def read(file: Path) -> Rows:
    """An NPZ file with the array ``rows``. Raises OSError, or ValueError that says what is wrong.

    Whether the network takes rows of this width is only known once it is open.
    """
    try:
        # Opened here: NumPy leaves a broken file open.
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            rows = arrays["rows"]
    except (ValueError, TypeError, LookupError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"not rows of a style ({error})") from error
    if rows.ndim != 2 or rows.dtype != np.float32 or len(rows) % 2 != 1 or not rows.shape[1]:
        raise ValueError(
            f"{rows.dtype} {list(rows.shape)}; float32 [K, D] is needed, where K is odd"
        )
    if not np.isfinite(rows).all():
        raise ValueError("not all numbers are finite")
    return Rows(rows, file)
