"""A store of a tiny Painter: a row is a scale and a shift of each colour, so that it is seen."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tests.support.upscalers import write_golden

WIDTH = 6  # three scales, then three shifts in shares of 255

Row = Sequence[float]

STYLES: Mapping[str, Sequence[Row]] = {
    "dusk": [(0.2, 0.2, 0.4, 0, 0, 0.1), (0.4, 0.4, 0.8, 0, 0, 0.1), (0.6, 0.6, 1, 0, 0, 0.1)],
    "meadow": [(0, 0.5, 0, 0, 0, 0), (0.2, 0.8, 0.2, 0, 0.2, 0), (0.3, 0.9, 0.3, 0, 0.1, 0)],
    "negative": [(-1, -1, -1, 1, 1, 1)],
}
"""Rows by style, from the smallest strokes to the largest."""


def write_store(store: Path) -> Path:
    """Writes painter, with all of STYLES."""
    version = write_painter(store / "painter")
    for name, rows in STYLES.items():
        write_style(version, name, rows)
    return store


def write_painter(folder: Path, number: int = 1, brightness: float = 1.0) -> Path:
    """Writes a version without styles, and returns its folder."""
    version = folder / str(number)
    version.mkdir(parents=True)
    (version / "model.onnx").write_bytes(network(brightness).SerializeToString())
    rng = np.random.default_rng(0)
    inputs = {
        "image": rng.integers(0, 256, (2, 16, 24, 3), np.uint8),
        "style": np.array([STYLES["dusk"][1], STYLES["negative"][0]], np.float32),
        "strength": np.array([1, 0.5], np.float32),
        "preserve_color": np.array([0, 1], np.float32),
    }
    write_golden(version, inputs)
    (version / "card.json").write_text(json.dumps(card("painter", "A tiny Painter")))
    return version


def write_style(
    version: Path, name: str, rows: Sequence[Row], title: str = "", preview: bytes = b"a picture"
) -> Path:
    """Adds a style to a version, or changes it, and returns its folder."""
    folder = version / "styles" / name
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "rows.npz", rows=np.array(rows, np.float32))
    described = {**card("stylize", title or name.title()), "painter": "Nobody"}
    (folder / "card.json").write_text(json.dumps(described))
    (folder / "preview.jpg").write_bytes(preview)
    return folder


def card(kind: str, title: str) -> dict[str, str]:
    created = "2026-01-01T00:00:00+00:00"
    return {"kind": kind, "title": title, "licence": "CC0-1.0", "created": created}


def painted(
    image: NDArray[np.uint8], row: Sequence[float] | NDArray[np.float32]
) -> NDArray[np.uint8]:
    """What the network makes of an image, at full strength and with the row's colours."""
    numbers = np.asarray(row, np.float64)
    levels = image * numbers[:3] + 255 * numbers[3:]
    return levels.clip(0, 255).round().astype(np.uint8)


def network(brightness: float = 1.0) -> onnx.ModelProto:
    """output = image + strength * (painting - image); of that difference ``preserve_color`` keeps
    the mean over the colours alone."""
    initializers = [
        numpy_helper.from_array(np.array([3, 3], np.int64), "halves"),
        numpy_helper.from_array(np.array([1, 2], np.int64), "within"),
        numpy_helper.from_array(np.array([1, 2, 3], np.int64), "beside"),
        numpy_helper.from_array(np.float32(1), "one"),
        numpy_helper.from_array(np.float32(brightness), "brightness"),
        numpy_helper.from_array(np.float32(0), "black"),
        numpy_helper.from_array(np.float32(255), "white"),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Split", ["style", "halves"], ["scales", "shifts"], axis=1),
        helper.make_node("Unsqueeze", ["scales", "within"], ["scale"]),
        helper.make_node("Unsqueeze", ["shifts", "within"], ["shift"]),
        helper.make_node("Unsqueeze", ["strength", "beside"], ["share"]),
        helper.make_node("Unsqueeze", ["preserve_color", "beside"], ["kept"]),
        helper.make_node("Mul", ["levels", "scale"], ["scaled"]),
        helper.make_node("Mul", ["shift", "white"], ["shifted"]),
        helper.make_node("Add", ["scaled", "shifted"], ["painting"]),
        helper.make_node("Mul", ["painting", "brightness"], ["lit"]),
        helper.make_node("Sub", ["lit", "levels"], ["change"]),
        helper.make_node("ReduceMean", ["change"], ["grey"], axes=[3], keepdims=1),
        helper.make_node("Sub", ["one", "kept"], ["free"]),
        helper.make_node("Mul", ["change", "free"], ["coloured"]),
        helper.make_node("Mul", ["grey", "kept"], ["plain"]),
        helper.make_node("Add", ["coloured", "plain"], ["whole"]),
        helper.make_node("Mul", ["whole", "share"], ["part"]),
        helper.make_node("Add", ["levels", "part"], ["sum"]),
        helper.make_node("Clip", ["sum", "black", "white"], ["clipped"]),
        helper.make_node("Round", ["clipped"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], ["output"], to=TensorProto.UINT8),
    ]
    sides: list[str | int] = ["N", "H", "W", 3]
    inputs = [
        helper.make_tensor_value_info("image", TensorProto.UINT8, sides),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, ["N", WIDTH]),
        helper.make_tensor_value_info("strength", TensorProto.FLOAT, ["N"]),
        helper.make_tensor_value_info("preserve_color", TensorProto.FLOAT, ["N"]),
    ]
    output = helper.make_tensor_value_info("output", TensorProto.UINT8, sides)
    graph = helper.make_graph(nodes, "tiny painter", inputs, [output], initializers)
    opset = [helper.make_opsetid("", 17)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opset, ir_version=10)
    return model
