"""Contact sheets of a run."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support.small import as_tensor, lively
from trainer.training.previews import contact_sheet


def test_photographs_stand_side_by_side(
    astronaut: NDArray[np.uint8], coffee: NDArray[np.uint8]
) -> None:
    network = lively(width=4)
    tall, wide = as_tensor(astronaut[:60:2, :40:2]), as_tensor(coffee[:40:2, :100:2])

    def above_its_stylisation(photograph: Tensor) -> Tensor:
        return torch.cat([photograph, network(photograph)], dim=2)

    sheet = contact_sheet(network, above_its_stylisation, [tall, wide])

    assert sheet.dtype == torch.uint8
    assert sheet.shape == (3, 60, 70)
    assert torch.equal(sheet[:, :30, :20], tall[0].byte())
    with torch.no_grad():
        expected = network(tall)[0].clamp(0, 255).round().byte()
    assert torch.equal(sheet[:, 30:, :20], expected)
    assert torch.equal(sheet[:, :20, 20:], wide[0].byte())
    assert (sheet[:, 40:, 20:] == 255).all(), "the shorter column ends in white"
