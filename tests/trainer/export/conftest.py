"""The shipped style `wave`, and photographs to calibrate it on."""

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.checkout import ROOT
from trainer import weights_file
from trainer.export import calibration
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import StyleNet


@pytest.fixture(scope="package")
def others() -> list[NDArray[np.uint8]]:
    """What the network is calibrated on, uint8 [H, W, 3]: all but the astronaut."""
    return calibration.photographs()[1:]


@pytest.fixture(scope="package")
def wave() -> ServedStyleNet:
    network = weights_file.load(ROOT / "trainer" / "weights" / "wave.safetensors").network
    assert isinstance(network, StyleNet)
    return ServedStyleNet(network).eval()
