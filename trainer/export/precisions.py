"""Exports in lower precision: float16 for GPUs, 8-bit integers for CPUs with fast byte products.

Each is left out where it would change pictures too much.
"""

import copy
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import nn

from trainer.export import equalization, golden, painter_equalization
from trainer.export.calibration import Example
from trainer.export.golden import Inputs
from trainer.export.graphs import Served, to_onnx
from trainer.export.quantization import quantized
from trainer.networks.served import ServedStyleNet
from trainer.networks.served_painter import ServedPainter

FLOAT16_TOLERANCE = 0.5
"""Largest mean absolute change of the golden output by float16, levels of 255."""
INT8_TOLERANCE = 2.0
"""Largest mean absolute change of a calibration example's output by int8, levels of 255."""

Network = TypeVar("Network", bound=nn.Module)

log = logging.getLogger(__name__)


def in_float16(served: Network) -> Network:
    """A copy whose convolutions and norms compute in float16.

    Pixels, logits and what becomes of them stay in float32. ONNX Runtime's CUDA kernel of instance
    norm takes its statistics in float32, whatever the type of its input.
    """
    halved = copy.deepcopy(served)
    for layer in halved.modules():
        if isinstance(layer, nn.Conv2d | nn.InstanceNorm2d | nn.BatchNorm2d):
            layer.half()
    return halved


def float16_files(served: Served, card: Mapping[str, Any], given: Inputs) -> dict[str, bytes]:
    """ONNX file and golden output in float16, by file name; none if it differs too much.

    ``given``: the golden inputs by name.
    """
    halved = in_float16(served)
    # By PyTorch, since ONNX Runtime computes in float32 on a CPU whatever the graph's types.
    change = difference(*(_golden_output(network, given) for network in (served, halved)))
    if change > FLOAT16_TOLERANCE:
        log.warning("not in float16: it would change a picture by %.1f levels", change)
        return {}
    graph = to_onnx(halved, card).SerializeToString(deterministic=True)
    pair = golden.pair(graph, given)
    return {"model.float16.onnx": graph, "model.float16.golden.npz": pair}


def int8_files(
    served: ServedStyleNet | ServedPainter,
    serialized: bytes,
    card: Mapping[str, Any],
    given: Inputs,
    examples: Sequence[Example],
) -> dict[str, bytes]:
    """ONNX file and golden output in 8-bit integers, by file name; none if it differs too much.

    ``given``: the golden inputs by name. ``examples``: to calibrate on, and to compare.
    """
    if isinstance(served, ServedPainter):
        prepared: Served = painter_equalization.equalized(served, examples)
    else:
        prepared = equalization.equalized(served, examples)
    graph = quantized(to_onnx(prepared, card))
    of_bytes = graph.SerializeToString(deterministic=True)
    change = max(_differences(serialized, of_bytes, examples))
    if change > INT8_TOLERANCE:
        log.warning("not in 8-bit integers: they would change a picture by %.1f levels", change)
        return {}
    pair = golden.pair(of_bytes, given)
    return {"model.int8.onnx": of_bytes, "model.int8.golden.npz": pair}


@torch.no_grad()
def _golden_output(network: Served, given: Inputs) -> NDArray[np.uint8]:
    """What PyTorch computes of the golden inputs."""
    names = ("image", *network.sample_inputs)
    output: NDArray[np.uint8] = network(*(torch.from_numpy(given[name]) for name in names)).numpy()
    return output


def _differences(one: bytes, other: bytes, examples: Sequence[Example]) -> Iterator[float]:
    """How much two ONNX files differ on each example, in levels of 255."""
    sessions = [
        onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
        for serialized in (one, other)
    ]
    for example in examples:
        yield difference(*(session.run(["output"], dict(example))[0] for session in sessions))


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two pictures of one shape, in levels of 255."""
    return float(np.abs(one.astype(int) - other).mean())
