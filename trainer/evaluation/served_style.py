"""A style as it is served: a network, and of a Painter the row that it paints by."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.networks.served import ServedStyleNet
from trainer.networks.served_painter import ServedPainter

SMALLEST_STROKE, LARGEST_STROKE = 0.5, 2.0
"""Stroke sizes of the first and the last of a style's rows; that of the middle one is 1."""


@dataclass(frozen=True, eq=False)
class ServedStyle:
    """Paints pictures as a user gets them: bytes in, bytes out, in full strength."""

    network: ServedStyleNet | ServedPainter
    row: Tensor | None = None
    """A Painter's, float32 [D]."""

    def to(self, device: torch.device) -> "ServedStyle":
        row = None if self.row is None else self.row.to(device)
        return ServedStyle(self.network.to(device), row)

    @torch.no_grad()
    def paint(self, image: Tensor) -> Tensor:
        """The picture of an image, both float RGB [1, 3, H, W] in [0, 255]."""
        pixels = image.round().to(torch.uint8).permute(0, 2, 3, 1)
        zero, one = torch.tensor([[0.0], [1.0]], device=image.device)
        style = {} if self.row is None else {"style": self.row[None]}
        output: Tensor = self.network(pixels, **style, strength=one, preserve_color=zero)
        return output.permute(0, 3, 1, 2).float()


def row_at(rows: Tensor, stroke: float) -> Tensor:
    """The row [D] of a stroke size, of ``rows`` [K, D] from the smallest strokes to the largest.

    Linear between two rows; each step between rows is the same factor of the size.
    """
    way = math.log2(stroke / SMALLEST_STROKE) / math.log2(LARGEST_STROKE / SMALLEST_STROKE)
    share, before = math.modf(way * (len(rows) - 1))
    smaller, larger = rows[int(before)], rows[min(int(before) + 1, len(rows) - 1)]
    return torch.lerp(smaller, larger, share)
