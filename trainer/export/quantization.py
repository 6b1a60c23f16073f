"""Static quantization of a style network's convolutions to 8-bit integers.

Jacob et al. 2018, arXiv:1712.05877: per-channel quantization of the weights, one scale for each
activation tensor, of a network that ``equalization`` has prepared. The first convolutions stay in
float: in flat areas the network draws its strokes from differences of less than a level of 255.
"""

from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

FLOATS = 4
"""Convolutions that stay in float: those to the end of the first residual block. They would make
most of the error, and take a tenth of the time."""
LOGIT_STEP = 0.01
"""Step of the last convolution's output: 127 of them pass the logits of black and white, 1.25."""
LEAKY_ZERO = 43
"""Zero point after a leaky ReLU: a sixth of the bytes for what is below zero, a fifth as steep."""
_SHAPING = ("Pad", "Reshape")
"""Operations that only move values."""


def quantized(network: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with its later convolutions between QuantizeLinear and DequantizeLinear.

    ONNX Runtime fuses each to one convolution of bytes.
    """
    result = onnx.ModelProto()
    result.CopyFrom(network)
    graph = result.graph
    convolutions = [node.output[0] for node in graph.node if node.op_type == "Conv"][FLOATS:]
    weights = {value.name: numpy_helper.to_array(value) for value in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.output[0] in convolutions:
            step = LOGIT_STEP if node.output[0] == convolutions[-1] else 1.0
            zero = _zero_point(node.input[0], makers)
            added, constants = _in_bytes(node, weights, zero, step)
            nodes += added
            graph.initializer.extend(constants)
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph)
    onnx.checker.check_model(result, full_check=True)
    return result


def _zero_point(value: str, makers: dict[str, onnx.NodeProto]) -> int:
    """The byte for 0 of a tensor, by the activation that it was, padded or reshaped at most."""
    maker = makers[value]
    while maker.op_type in _SHAPING:
        maker = makers[maker.input[0]]
    return {"Relu": 0, "LeakyRelu": LEAKY_ZERO}.get(maker.op_type, 128)


def _in_bytes(
    node: onnx.NodeProto, weights: dict[str, NDArray[np.float32]], zero: int, step: float
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes and constants in place of one float convolution.

    ``zero``: the input's zero point, whose step is 1. ``step``: the output's, whose zero point is
    128.
    """
    taken, weight, bias = node.input
    (given,) = node.output
    scale = np.abs(weights[weight]).max(axis=(1, 2, 3)) / 127
    constants = {
        "one": np.float32(1),
        "zero": np.uint8(zero),
        "step": np.float32(step),
        "middle": np.uint8(128),
        "weight": np.rint(weights[weight] / scale[:, None, None, None]).astype(np.int8),
        "scale": scale,
        "weight_zero": np.zeros(len(scale), np.int8),
        "bias": np.rint(weights[bias] / scale).astype(np.int32),
        "bias_zero": np.zeros(len(scale), np.int32),
    }
    of = {name: f"{given}.{name}" for name in constants}
    dequantized = [f"{given}.{name}" for name in ("taken", "weights", "biases")]
    convolution = helper.make_node("Conv", dequantized, [f"{given}.sum"], name=node.name)
    convolution.attribute.extend(node.attribute)
    nodes = [
        *_rounded(taken, dequantized[0], of["one"], of["zero"]),
        _by_channel(of["weight"], of["scale"], of["weight_zero"], dequantized[1]),
        _by_channel(of["bias"], of["scale"], of["bias_zero"], dequantized[2]),
        convolution,
        *_rounded(f"{given}.sum", given, of["step"], of["middle"]),
    ]
    return nodes, [numpy_helper.from_array(np.asarray(constants[n]), of[n]) for n in constants]


def _rounded(value: str, result: str, step: str, zero: str) -> Iterator[onnx.NodeProto]:
    """A tensor quantized and dequantized."""
    yield helper.make_node("QuantizeLinear", [value, step, zero], [f"{result}.bytes"])
    yield helper.make_node("DequantizeLinear", [f"{result}.bytes", step, zero], [result])


def _by_channel(value: str, scale: str, zero: str, result: str) -> onnx.NodeProto:
    """A constant dequantized with a scale for each output channel."""
    return helper.make_node("DequantizeLinear", [value, scale, zero], [result], axis=0)


def _drop_unused(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input}
    kept = [value for value in graph.initializer if value.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
