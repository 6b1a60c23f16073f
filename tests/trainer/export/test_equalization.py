"""Equalized style networks compute what they did before."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support import small
from trainer.export.calibration import Example, example
from trainer.export.equalization import equalized
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import StyleNet

Photograph = NDArray[np.uint8]


def difference(one: Photograph, other: Photograph) -> NDArray[np.int16]:
    return np.abs(one.astype(np.int16) - other)


def test_an_equalized_network_paints_the_same(
    wave: ServedStyleNet, others: list[Example], photograph: Photograph
) -> None:
    change = difference(
        small.painted(equalized(wave, others), photograph), small.painted(wave, photograph)
    )
    assert change.max() <= 1


@pytest.mark.parametrize("architecture", ["paper", "sub-pixel"])
def test_every_architecture_can_be_equalized(architecture: str, photograph: Photograph) -> None:
    torch.manual_seed(0)
    network = ServedStyleNet(StyleNet(8, architecture=architecture)).eval()  # type: ignore[arg-type]
    change = difference(
        small.painted(equalized(network, [example(photograph)]), photograph),
        small.painted(network, photograph),
    )
    assert change.max() <= 1


def test_equalization_leaves_the_network_itself_as_it_was(
    wave: ServedStyleNet, others: list[Example]
) -> None:
    before = {name: value.clone() for name, value in wave.state_dict().items()}
    equalized(wave, others)
    assert all(torch.equal(value, before[name]) for name, value in wave.state_dict().items())
