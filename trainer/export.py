"""Writes trained networks into the model store as ONNX, with their cards.

The exported file is checked against PyTorch before it takes its place in the store.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from PIL import Image

from trainer import data, recipe
from trainer.errors import TrainerError
from trainer.networks import ServedStyleNet
from trainer.weights_file import TrainedModel

OPSET = 20
TOLERANCE = 1
"""Levels of 255 by which ONNX Runtime may differ from PyTorch."""

_CONFIG = """\
name: "{name}"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [
  {{ name: "image" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] }},
  {{ name: "strength" data_type: TYPE_FP32 dims: [ 1 ] reshape: {{ shape: [ ] }} }},
  {{ name: "preserve_color" data_type: TYPE_FP32 dims: [ 1 ] reshape: {{ shape: [ ] }} }}
]
output [
  {{ name: "output" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] }}
]
"""


def export(model: TrainedModel, name: str, store: Path, version: int, photograph: Path) -> str:
    """Write the model's folder in the store; returns the SHA-256 of the ONNX file.

    ``photograph`` is stylised for the preview. Raises TrainerError, and leaves the store as it
    was, if ONNX Runtime differs from PyTorch by more than one level of 255.
    """
    card = _card(model)
    served = ServedStyleNet(model.network).eval()
    program = to_onnx(served, card)
    serialized = program.SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    pixels = data.read_rgb(photograph, 320).permute(0, 2, 3, 1).to(torch.uint8)
    stylized = _checked_parity(served, session, pixels)

    folder = store / name
    (folder / str(version)).mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256(serialized).hexdigest()
    _write(folder / str(version) / "model.onnx", serialized)
    _write(folder / "config.pbtxt", _CONFIG.format(name=name).encode())
    _write(folder / "card.json", (json.dumps(card, indent=2) + "\n").encode())
    with tempfile.NamedTemporaryFile(suffix=".jpg") as preview:
        Image.fromarray(stylized[0]).save(preview.name, quality=90)
        _write(folder / "preview.jpg", Path(preview.name).read_bytes())
    return digest


def to_onnx(served: ServedStyleNet, card: dict[str, Any]) -> onnx.ModelProto:
    """The network as an ONNX graph with dynamic N, H and W; the same bytes on every run."""
    image = torch.zeros(2, 48, 64, 3, dtype=torch.uint8)
    dynamic = torch.export.Dim.DYNAMIC
    exported = torch.onnx.export(
        served,
        (image, torch.ones(2), torch.zeros(2)),
        input_names=["image", "strength", "preserve_color"],
        output_names=["output"],
        dynamic_shapes=({0: dynamic, 1: dynamic, 2: dynamic}, {0: dynamic}, {0: dynamic}),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert exported is not None
    program = exported.model_proto
    program.graph.name = "perceptual"
    for node in program.graph.node:
        del node.metadata_props[:]  # stack traces of the exporter, with this machine's paths
        node.doc_string = ""
    for value in (*program.graph.value_info, *program.graph.input, *program.graph.output):
        del value.metadata_props[:]
    for key, value in card.items():
        program.metadata_props.add(key=key, value=value if isinstance(value, str) else json.dumps(value))
    onnx.checker.check_model(program, full_check=True)
    return program
