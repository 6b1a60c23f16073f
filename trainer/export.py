"""Writes trained networks into the model store as ONNX, with their cards.

The exported graph is checked against PyTorch before it takes its place in the store.
"""

import hashlib
import io
import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from torch import Tensor

from trainer import atomic, data
from trainer.errors import TrainerError
from trainer.networks import ServedStyleNet
from trainer.weights_file import TrainedModel

OPSET = 20
TOLERANCE = 1
"""Levels of 255 by which ONNX Runtime may differ from PyTorch."""
PREVIEW_SHORT_SIDE = 320

_CONFIG = """\
name: "{name}"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [
  {{ name: "image", data_type: TYPE_UINT8, dims: [ -1, -1, 3 ] }},
  {{ name: "strength", data_type: TYPE_FP32, dims: [ 1 ], reshape: {{ shape: [ ] }} }},
  {{ name: "preserve_color", data_type: TYPE_FP32, dims: [ 1 ], reshape: {{ shape: [ ] }} }}
]
output [
  {{ name: "output", data_type: TYPE_UINT8, dims: [ -1, -1, 3 ] }}
]
"""


def export(
    model: TrainedModel,
    name: str,
    store: Path,
    *,
    photograph: Path | None,
    evaluation: Mapping[str, Any] | None,
) -> str:
    """Write the model's folder in the store; returns the SHA-256 of the ONNX file, hex.

    ``photograph`` is stylised for the preview; without one a preview that is there stays, and a
    new model shows its painting. Raises TrainerError, and leaves the store as it was, if ONNX
    Runtime differs from PyTorch by more than one level of 255.
    """
    card = _card(model, evaluation)
    served = ServedStyleNet(model.network).eval()
    serialized = to_onnx(served, card).SerializeToString(deterministic=True)
    image = data.read_rgb(photograph or model.recipe.style.file, PREVIEW_SHORT_SIDE)
    pixels = image.permute(0, 2, 3, 1).to(torch.uint8)
    stylized = _checked(served, serialized, torch.cat([pixels, pixels.flip(2)]))
    preview = io.BytesIO()
    Image.fromarray(stylized[0].numpy()).save(preview, "JPEG", quality=90)

    folder = store / name
    digest = hashlib.sha256(serialized).hexdigest()
    atomic.write(folder / "1" / "model.onnx", serialized)
    atomic.write(folder / "config.pbtxt", _CONFIG.format(name=name).encode())
    atomic.write(folder / "card.json", (json.dumps(card, indent=2) + "\n").encode())
    if photograph is not None or not (folder / "preview.jpg").exists():
        atomic.write(folder / "preview.jpg", preview.getvalue())
    return digest


def to_onnx(served: ServedStyleNet, card: Mapping[str, Any]) -> onnx.ModelProto:
    """The network as an ONNX graph with dynamic N, H and W; the same bytes every time."""
    batch, height, width = 2, 48, 64  # any that are not equal: equal ones would be taken as one
    example = torch.zeros(batch, height, width, 3, dtype=torch.uint8)
    dynamic = torch.export.Dim.DYNAMIC
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of missing torchvision
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        exported = torch.onnx.export(
            served,
            (example, torch.ones(batch), torch.zeros(batch)),
            input_names=["image", "strength", "preserve_color"],
            output_names=["output"],
            dynamic_shapes=({0: dynamic, 1: dynamic, 2: dynamic}, {0: dynamic}, {0: dynamic}),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert exported is not None
    program: onnx.ModelProto = exported.model_proto
    program.producer_version = torch.__version__.partition("+")[0]  # whatever CUDA it is built for
    _name_dimensions(program)
    for node in program.graph.node:
        del node.metadata_props[:]  # stack traces, with the paths of the exporting machine
    for key, value in card.items():
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        program.metadata_props.add(key=key, value=text)
    onnx.checker.check_model(program, full_check=True)
    return program


def _name_dimensions(program: onnx.ModelProto) -> None:
    """Replace the exporter's symbols for the sizes, such as s62, by N, H and W."""
    image = program.graph.input[0].type.tensor_type.shape.dim
    names = {image[axis].dim_param: name for axis, name in enumerate("NHW")}
    for value in (*program.graph.input, *program.graph.output, *program.graph.value_info):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param:
                dim.dim_param = names.get(dim.dim_param, dim.dim_param)


def _checked(served: ServedStyleNet, serialized: bytes, pixels: Tensor) -> Tensor:
    """The output of ONNX Runtime for uint8 [2, H, W, 3], once it is known to be PyTorch's.

    The first image is stylised in full, the second by half and in its own colours.
    """
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    strength, preserve_color = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 1.0])
    with torch.no_grad():
        expected = served(pixels, strength, preserve_color).numpy().astype(int)
    feeds = {"image": pixels, "strength": strength, "preserve_color": preserve_color}
    (output,) = session.run(["output"], {name: value.numpy() for name, value in feeds.items()})
    worst = int(np.abs(output.astype(int) - expected).max())
    if worst > TOLERANCE:
        raise TrainerError(f"ONNX Runtime and PyTorch differ by {worst} levels of 255")
    return torch.from_numpy(output)


def _card(model: TrainedModel, evaluation: Mapping[str, Any] | None) -> dict[str, Any]:
    recipe, training = model.recipe, model.training
    return {
        "kind": recipe.kind,
        "factor": 1,
        "title": recipe.title,
        "licence": recipe.licence,
        "created": training.created,
        "data": recipe.data,
        "recipe": recipe.model_dump(mode="json"),
        "recipe_digest": f"sha256:{recipe.digest}",
        "training": training.model_dump(mode="json", exclude={"created"}, exclude_none=True),
        **({} if evaluation is None else {"evaluation": evaluation}),
    }
