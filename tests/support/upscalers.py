"""A store of tiny upscaling networks, as small as they can be and still need what theirs need."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

RECEPTIVE_FIELD = 2  # of two 3x3 convolutions


def write_store(store: Path) -> Path:
    """Writes upscale_x4_feature, upscale_x4_pixel and upscale_x8_feature."""
    for factor, objective, seed in ((4, "feature", 0), (4, "pixel", 1), (8, "feature", 2)):
        write_upscaler(store / f"upscale_x{factor}_{objective}", factor, objective, seed)
    return store


def write_upscaler(folder: Path, factor: int, objective: str, seed: int, number: int = 1) -> Path:
    """Writes a version of the model, and returns its folder."""
    version = folder / str(number)
    version.mkdir(parents=True)
    serialized = network(factor, seed).SerializeToString()
    (version / "model.onnx").write_bytes(serialized)
    images = np.random.default_rng(seed).integers(0, 256, (2, 16, 24, 3), np.uint8)
    write_golden(version, {"image": images})
    card = {
        "kind": "upscale",
        "factor": factor,
        "objective": objective,
        "receptive_field": RECEPTIVE_FIELD,
        "title": f"Tiny x{factor}",
        "licence": "Apache-2.0",
        "created": "2026-01-01T00:00:00+00:00",
    }
    (version / "card.json").write_text(json.dumps(card))
    return version


def write_golden(version: Path, inputs: Mapping[str, NDArray[Any]]) -> None:
    """What the network in this folder answers, as its golden output."""
    session = InferenceSession(version / "model.onnx", providers=["CPUExecutionProvider"])
    (output,) = session.run(["output"], dict(inputs))
    np.savez_compressed(version / "model.golden.npz", output=output, **inputs)


def network(factor: int, seed: int) -> onnx.ModelProto:
    """Two 3x3 convolutions with zero padding and a pixel shuffle: image to output, uint8 NHWC.

    Their random kernels are positive and sum to one, each colour on its own, so that the output
    looks like the image, somewhat rough, and a plain area stays as it is save at the border.
    """
    rng = np.random.default_rng(seed)
    initializers = [
        numpy_helper.from_array(kernels(rng, 3), "first"),
        numpy_helper.from_array(kernels(rng, 3 * factor**2), "second"),
        numpy_helper.from_array(np.float32(0), "black"),
        numpy_helper.from_array(np.float32(255), "white"),
    ]
    convolution = {"pads": [1, 1, 1, 1], "group": 3}
    nodes = [
        helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["levels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "first"], ["blurred"], **convolution),
        helper.make_node("Conv", ["blurred", "second"], ["deep"], **convolution),
        helper.make_node("DepthToSpace", ["deep"], ["wide"], blocksize=factor, mode="CRD"),
        helper.make_node("Clip", ["wide", "black", "white"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["rounded"]),
        helper.make_node("Transpose", ["rounded"], ["pixels"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["pixels"], ["output"], to=TensorProto.UINT8),
    ]
    sides = ["N", "H", "W", 3], ["N", "fH", "fW", 3]
    (image, output) = (
        helper.make_tensor_value_info(name, TensorProto.UINT8, shape)
        for name, shape in zip(("image", "output"), sides, strict=True)
    )
    graph = helper.make_graph(nodes, "tiny", [image], [output], initializers)
    opset = [helper.make_opsetid("", 17)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=10)
    return model


def kernels(rng: np.random.Generator, count: int) -> np.ndarray[tuple[int, ...], np.dtype]:
    weights = rng.random((count, 1, 3, 3), np.float32)
    return weights / weights.sum(axis=(2, 3), keepdims=True)
