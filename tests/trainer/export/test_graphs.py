"""The ONNX graph of an exported network computes what the network computes."""

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnxruntime import InferenceSession

from tests.support.checkout import ROOT
from tests.support.small import Exported
from trainer.networks.served import ServedStyleNet


def served(
    session: InferenceSession,
    images: NDArray[np.uint8],
    strength: list[float],
    preserve_color: list[float],
) -> NDArray[np.uint8]:
    feeds = {
        "image": images,
        "strength": np.array(strength, np.float32),
        "preserve_color": np.array(preserve_color, np.float32),
    }
    (output,) = session.run(["output"], feeds)
    pixels: NDArray[np.uint8] = output
    return pixels


def cropped(pixels: NDArray[np.uint8], count: int, height: int, width: int) -> NDArray[np.uint8]:
    """Different crops of a photograph: uint8 [count, height, width, 3]."""
    return np.stack([pixels[30 * i :, 50 * i :][:height, :width] for i in range(count)])


def worst(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    return int(np.abs(one.astype(int) - other).max())


def test_inputs_and_outputs_are_named_typed_and_dynamic(
    session: InferenceSession,
) -> None:
    signature = {
        value.name: (value.type, value.shape)
        for value in (*session.get_inputs(), *session.get_outputs())
    }
    assert signature == {
        "image": ("tensor(uint8)", ["N", "H", "W", 3]),
        "strength": ("tensor(float)", ["N"]),
        "preserve_color": ("tensor(float)", ["N"]),
        "output": ("tensor(uint8)", ["N", "H", "W", 3]),
    }


@pytest.mark.parametrize(
    ("height", "width", "strength", "preserve_color"),
    [
        (16, 16, [1.0], [0.0]),
        (37, 53, [0.6], [1.0]),
        (48, 64, [1.0, 0.0, 0.25], [0.0, 1.0, 0.0]),
        (64, 48, [1.0, 1.0], [0.0, 1.0]),
        (131, 99, [1.0, 0.9, 0.5, 0.1], [1.0, 0.0, 1.0, 0.0]),
    ],
)
def test_onnx_runtime_paints_what_pytorch_paints(
    exported: Exported,
    session: InferenceSession,
    astronaut: NDArray[np.uint8],
    height: int,
    width: int,
    strength: list[float],
    preserve_color: list[float],
) -> None:
    images = cropped(astronaut, len(strength), height, width)
    output = served(session, images, strength, preserve_color)
    with torch.no_grad():
        expected = ServedStyleNet(exported.model.network)(
            torch.from_numpy(images), torch.tensor(strength), torch.tensor(preserve_color)
        )
    assert output.shape == images.shape
    assert worst(output, expected.numpy()) <= 1


def test_a_photographs_output_does_not_depend_on_its_batch_companions(
    session: InferenceSession, astronaut: NDArray[np.uint8]
) -> None:
    images = cropped(astronaut, 4, 61, 83)
    together = served(session, images, [1.0] * 4, [0.0] * 4)
    for image, output in zip(images, together, strict=True):
        assert worst(served(session, image[None], [1.0], [0.0])[0], output) <= 1


def test_strength_0_gives_the_input_back_bit_for_bit(
    session: InferenceSession, photograph: NDArray[np.uint8]
) -> None:
    for preserve_color in (0.0, 1.0):
        output = served(session, photograph[None], [0.0], [preserve_color])
        assert np.array_equal(output[0], photograph)


def test_nothing_of_the_exporting_machine_is_in_the_graph(exported: Exported) -> None:
    program = onnx.load(exported.onnx)
    for tensor in program.graph.initializer:
        tensor.ClearField("raw_data")  # numbers could spell anything
    content = program.SerializeToString()
    assert b"conv" in content.lower()
    machine = [str(ROOT), str(Path.cwd()), str(Path.home()), sys.prefix, "site-packages", ".py"]
    for trace in machine:
        assert trace == "/" or trace.encode() not in content
    assert not any(node.doc_string for node in program.graph.node)
