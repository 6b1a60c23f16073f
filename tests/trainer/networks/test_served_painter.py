"""A Painter's body as it is served: rows of a batch, margins, sizes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from tests.support import painters
from trainer.networks.canvas import MARGIN
from trainer.networks.grain import Grain
from trainer.networks.painter import Painter
from trainer.networks.served_painter import ServedPainter


@pytest.fixture
def pixels(photograph: NDArray[np.uint8]) -> Tensor:
    """uint8 [1, H, W, 3], of odd sizes."""
    return torch.from_numpy(photograph[:71, :93].copy())[None]


@torch.no_grad()
def painted(painter: Painter, pixels: Tensor, rows: Tensor) -> Tensor:
    count = len(pixels)
    served = ServedPainter(painter.body)
    output: Tensor = served(pixels, rows, torch.ones(count), torch.zeros(count))
    return output


@settings(deadline=None, max_examples=20)
@given(height=st.integers(16, 45), width=st.integers(16, 45))
def test_the_picture_has_exactly_the_size_of_the_photograph(height: int, width: int) -> None:
    painter = painters.lively(rows=2)
    pixels = torch.zeros(2, height, width, 3, dtype=torch.uint8)
    assert painted(painter, pixels, painter.rows).shape == pixels.shape


def test_the_picture_is_cut_from_a_grainy_one_painted_with_a_mirrored_margin(
    pixels: Tensor,
) -> None:
    painter = painters.lively()
    sides = (0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)
    framed = torch.from_numpy(np.pad(pixels.numpy(), sides, mode="reflect"))
    with torch.no_grad():
        grainy = Grain()(framed.permute(0, 3, 1, 2).float())
        whole = painter(grainy, torch.tensor([1])).permute(0, 2, 3, 1)
    expected = whole[:, MARGIN:-MARGIN, MARGIN:-MARGIN].clamp(0, 255).round()
    found = painted(painter, pixels, painter.rows[1:2])
    assert (found.int() - expected.int()).abs().max() <= 1


def test_each_image_of_a_batch_is_painted_by_its_own_row(pixels: Tensor) -> None:
    painter = painters.lively(rows=3)
    together = painted(painter, pixels.repeat(3, 1, 1, 1), painter.rows)
    for row in range(3):
        alone = painted(painter, pixels, painter.rows[row : row + 1])
        assert (together[row].int() - alone[0].int()).abs().max() <= 1
    assert (together[0].int() - together[1].int()).abs().float().mean() > 1
