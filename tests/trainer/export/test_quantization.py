"""The style network in 8-bit integers."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from tests.support import small
from tests.support.optimized import operations
from trainer.export import graphs, precisions
from trainer.export.calibration import Example
from trainer.export.equalization import equalized
from trainer.export.quantization import quantized
from trainer.networks.served import ServedStyleNet

Photograph = NDArray[np.uint8]


@pytest.fixture(scope="module")
def of_bytes(wave: ServedStyleNet, others: list[Example]) -> onnx.ModelProto:
    return quantized(graphs.to_onnx(equalized(wave, others), {}))


def test_all_convolutions_after_the_first_residual_block_run_in_bytes(
    of_bytes: onnx.ModelProto, tmp_path: Path
) -> None:
    run = operations(of_bytes, tmp_path)
    assert (run.count("QLinearConv"), run.count("Conv")) == (10, 4)


def test_pictures_in_bytes_are_close_to_those_in_floats(
    of_bytes: onnx.ModelProto, wave: ServedStyleNet, photograph: Photograph
) -> None:
    """Of a photograph that it was not calibrated on."""
    session = onnxruntime.InferenceSession(
        of_bytes.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    one, zero = np.ones(1, np.float32), np.zeros(1, np.float32)
    feeds = {"image": photograph[None], "strength": one, "preserve_color": zero}
    of_integers = session.run(["output"], feeds)[0][0]
    assert (
        precisions.difference(of_integers, small.painted(wave, photograph))
        < precisions.INT8_TOLERANCE
    )
