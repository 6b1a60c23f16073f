"""The shipped style `wave`, and photographs to calibrate it on."""

import pytest

from tests.support.checkout import ROOT
from trainer import weights_file
from trainer.export import calibration
from trainer.export.calibration import Example
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import StyleNet


@pytest.fixture(scope="package")
def others() -> list[Example]:
    """What the network is calibrated on: all but the astronaut."""
    return calibration.examples()[1:]


@pytest.fixture(scope="package")
def wave() -> ServedStyleNet:
    network = weights_file.load(ROOT / "trainer" / "weights" / "wave.safetensors").network
    assert isinstance(network, StyleNet)
    return ServedStyleNet(network).eval()
