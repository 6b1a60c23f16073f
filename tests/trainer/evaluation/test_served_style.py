"""Styles as they are served."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support import painters, small
from trainer.evaluation.served_style import ServedStyle, row_at
from trainer.networks.served import ServedStyleNet
from trainer.networks.served_painter import ServedPainter

ROWS = torch.tensor([[0.0], [1.0], [5.0]])


@pytest.mark.parametrize(
    ("stroke", "row"), [(0.5, 0), (0.5**0.5, 0.5), (1, 1), (2**0.5, 3), (2, 5)]
)
def test_a_stroke_size_between_two_rows_mixes_them(stroke: float, row: float) -> None:
    assert row_at(ROWS, stroke).item() == pytest.approx(row)


def test_a_single_row_has_one_stroke_size() -> None:
    assert row_at(ROWS[:1], 1.5) == 0


@torch.no_grad()
def test_the_picture_is_of_bytes_as_they_are_served(photograph: NDArray[np.uint8]) -> None:
    style = ServedStyle(ServedStyleNet(small.lively()))
    expected = small.painted(ServedStyleNet(small.lively()), photograph)
    assert torch.equal(style.paint(small.as_tensor(photograph)), small.as_tensor(expected))

    painter = painters.lively(rows=2)
    served = ServedPainter(painter.body)
    pixels = torch.from_numpy(photograph)[None]
    output = served(pixels, painter.rows[1:], torch.ones(1), torch.zeros(1))
    found = ServedStyle(served, painter.rows[1]).paint(small.as_tensor(photograph))
    assert torch.equal(found, output.permute(0, 3, 1, 2).float())
