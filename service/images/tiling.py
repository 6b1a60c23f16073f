"""Overlapping tiles of an image, whose upscaled results fit together seamlessly.

An upscaled pixel depends on the input up to ``margin`` pixels away (the network's receptive field),
and on the network's padding where the input ends. So tiles overlap, each upscaled pixel comes from
a tile that holds all it depends on, and tiles lie inside the image: where pixels at a tile's edge
are kept, the image ends too, and the network pads as it would for the whole.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TILE = 256
"""Pixels a side, overlaps included: all tiles have one shape, so that they share batches."""
MAX_MARGIN = TILE // 4
"""With a wider one, over three quarters of what is computed would be thrown away."""


@dataclass(frozen=True)
class Span:
    """A tile along one axis, in input pixels: the part that it covers and the part that is kept."""

    start: int
    stop: int
    kept_start: int
    kept_stop: int

    @property
    def covered(self) -> slice:
        return slice(self.start, self.stop)

    def target(self, factor: int) -> slice:
        """Where the kept part lies in the whole output."""
        return slice(self.kept_start * factor, self.kept_stop * factor)

    def source(self, factor: int) -> slice:
        """Where the kept part lies in the tile's output."""
        return slice(
            (self.kept_start - self.start) * factor, (self.kept_stop - self.start) * factor
        )


@dataclass(frozen=True)
class Tile:
    rows: Span
    columns: Span

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in input pixels."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A view of the tile in an image [H, W, 3]."""
        return image[self.rows.covered, self.columns.covered]

    def paste(self, upscaled: NDArray[np.uint8], output: NDArray[np.uint8], factor: int) -> None:
        """Write the kept part of the upscaled tile [fh, fw, 3] to the output [fH, fW, 3]."""
        target = output[self.rows.target(factor), self.columns.target(factor)]
        target[:] = upscaled[self.rows.source(factor), self.columns.source(factor)]


def tiles(height: int, width: int, margin: int, tile: int = TILE) -> list[Tile]:
    """The tiles of an image, row by row; their kept parts cover it, each pixel once.

    A side no longer than ``tile`` is taken whole. Raises ValueError unless 2 * margin < tile.
    """
    if 2 * margin >= tile:
        raise ValueError(f"a tile of {tile} pixels has nothing between two margins of {margin}")
    columns = _spans(width, margin, tile)
    return [Tile(row, column) for row in _spans(height, margin, tile) for column in columns]


def _spans(length: int, margin: int, tile: int) -> list[Span]:
    if length <= tile:
        return [Span(0, length, 0, length)]
    last = length - tile  # shifted inwards, rather than padded
    starts = [*range(0, last, tile - 2 * margin), last]
    ends = [*(start + tile - margin for start in starts[:-1]), length]
    return [
        Span(start, start + tile, kept_start, kept_stop)
        for start, kept_start, kept_stop in zip(starts, [0, *ends[:-1]], ends, strict=True)
    ]
