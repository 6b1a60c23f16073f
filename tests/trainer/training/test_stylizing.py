"""What a step of style transfer training minimises."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support import small
from trainer.losses import lattice
from trainer.training.stylizing import Stylizing


def test_a_grid_of_two_pixels_is_penalised_by_its_weight(
    painting: Path, random_vgg: dict[str, Tensor], photograph: NDArray[np.uint8]
) -> None:
    network = small.lively(width=4, architecture="sub-pixel")
    images = small.as_tensor(photograph[:64, :64])
    plain = small.recipe(painting)
    weighed = plain.model_copy(
        update={"loss": plain.loss.model_copy(update={"lattice_weight": 50.0})}
    )

    def losses(recipe: object) -> dict[str, float]:
        task = Stylizing(network, recipe, random_vgg, small.CPU)  # type: ignore[arg-type]
        with torch.no_grad():
            return {name: loss.item() for name, loss in task(images, 0).items()}

    with torch.no_grad():
        expected = 50 * lattice(network(images), 2).item()
    before, after = losses(plain), losses(weighed)
    assert before["lattice"] == 0
    assert after["lattice"] == pytest.approx(expected)
    assert after["total"] - before["total"] == pytest.approx(expected, rel=1e-3)
