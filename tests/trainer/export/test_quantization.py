"""The style network in 8-bit integers."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from tests.support.checkout import ROOT
from trainer import weights_file
from trainer.export import calibration, graphs, precisions
from trainer.export.balancing import balanced
from trainer.export.quantization import quantized
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import StyleNet

WAVE = ROOT / "trainer" / "weights" / "wave.safetensors"
Photograph = NDArray[np.uint8]


@pytest.fixture(scope="module")
def others() -> list[Photograph]:
    """What the network is calibrated on, uint8 [H, W, 3]: all but the astronaut."""
    return calibration.photographs()[1:]


@pytest.fixture(scope="module")
def wave() -> ServedStyleNet:
    network = weights_file.load(WAVE).network
    assert isinstance(network, StyleNet)
    return ServedStyleNet(network).eval()


@pytest.fixture(scope="module")
def of_bytes(wave: ServedStyleNet, others: list[Photograph]) -> onnx.ModelProto:
    return quantized(graphs.to_onnx(balanced(wave, others), {}))


@torch.no_grad()
def painted(network: ServedStyleNet, photograph: Photograph) -> Photograph:
    image = torch.from_numpy(photograph)[None]
    output: Photograph = network(image, torch.ones(1), torch.zeros(1))[0].numpy()
    return output


def difference(one: Photograph, other: Photograph) -> NDArray[np.int16]:
    return np.abs(one.astype(np.int16) - other)


def test_a_balanced_network_paints_the_same(
    wave: ServedStyleNet, others: list[Photograph], photograph: Photograph
) -> None:
    change = difference(painted(balanced(wave, others), photograph), painted(wave, photograph))
    assert change.max() <= 1


@pytest.mark.parametrize("architecture", ["paper", "sub-pixel"])
def test_every_architecture_can_be_balanced(architecture: str, photograph: Photograph) -> None:
    torch.manual_seed(0)
    network = ServedStyleNet(StyleNet(8, architecture=architecture)).eval()  # type: ignore[arg-type]
    change = difference(
        painted(balanced(network, [photograph]), photograph), painted(network, photograph)
    )
    assert change.max() <= 1


def test_balancing_leaves_the_network_itself_as_it_was(
    wave: ServedStyleNet, others: list[Photograph]
) -> None:
    before = {name: value.clone() for name, value in wave.state_dict().items()}
    balanced(wave, others)
    assert all(torch.equal(value, before[name]) for name, value in wave.state_dict().items())


def test_all_convolutions_after_the_first_residual_block_run_in_bytes(
    of_bytes: onnx.ModelProto, tmp_path: Path
) -> None:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(
        of_bytes.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    run = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
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
    assert difference(of_integers, painted(wave, photograph)).mean() < precisions.INT8_TOLERANCE
