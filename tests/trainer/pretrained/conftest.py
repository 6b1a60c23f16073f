"""LPIPS with random weights."""

from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def flax_lpips() -> dict[str, Any]:
    """Random weights as Flax keeps them: kernels HWIO, layers numbered."""
    random = np.random.default_rng(0)
    kernels = ((11, 3, 64), (5, 64, 192), (3, 192, 384), (3, 384, 256), (3, 256, 256))
    checkpoint: dict[str, Any] = {"AlexNet_0": {}}
    for number, (side, before, after) in enumerate(kernels):
        kernel = random.standard_normal((side, side, before, after), np.float32)
        kernel *= np.float32((2 / (side**2 * before)) ** 0.5)
        layer = {"kernel": kernel, "bias": np.zeros(after, np.float32)}
        checkpoint["AlexNet_0"][f"Conv_{number}"] = layer
        calibration = random.random((1, 1, after, 1), np.float32)
        checkpoint[f"NetLinLayer_{number}"] = {"Conv_0": {"kernel": calibration}}
    return checkpoint
