"""The model store, a Triton model repository: trained networks as ONNX, with their model cards.

An exported graph is compared with PyTorch before it is written. Beside it is the same network in
lower precisions.
"""

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray
from PIL import Image

from trainer import atomic
from trainer.errors import TrainerError
from trainer.export import golden, precisions
from trainer.export.calibration import Example
from trainer.export.graphs import Served, serve, to_onnx
from trainer.images.photographs import pixels_of, read_rgb
from trainer.images.resampling import enlarge, shrink
from trainer.networks.canvas import SampleInputs
from trainer.networks.served import ServedStyleNet
from trainer.networks.style import StyleNet
from trainer.recipe import Recipe, StylizeRecipe, UpscaleRecipe
from trainer.recipe_base import FOLDER
from trainer.weights_file import TrainedModel

TOLERANCE = 1
"""Largest difference between ONNX Runtime and PyTorch, levels of 255."""
PREVIEW_SHORT_SIDE = 320
"""Pixels."""

_CONFIG = """\
name: "{name}"
platform: "onnxruntime_onnx"
max_batch_size: 8
input [
{inputs}
]
output [
  {{ name: "output", data_type: TYPE_UINT8, dims: [ -1, -1, 3 ] }}
]
"""
_IMAGE_INPUT = '  { name: "image", data_type: TYPE_UINT8, dims: [ -1, -1, 3 ] }'
_NUMBER_INPUT = '  {{ name: "{}", data_type: TYPE_FP32, dims: [ 1 ], reshape: {{ shape: [ ] }} }}'
_ROW_INPUT = '  {{ name: "{}", data_type: TYPE_FP32, dims: [ {} ] }}'


def export(
    model: TrainedModel,
    name: str,
    store: Path,
    *,
    version: int = 1,
    photograph: Path | None,
    evaluation: Mapping[str, Any] | None,
    examples: Sequence[Example] = (),
) -> str:
    """Write a version of the model into the store; returns the SHA-256 of the ONNX file, hex.

    All files of a version appear at once, so a service may be reading the store. ``photograph`` is
    transformed for the preview; without one an existing preview stays, and a new version shows a
    painting. The network is written in float16 too, and a style with instance norm in 8-bit
    integers if there are ``examples`` to calibrate on; each unless it changes pictures too much.

    Raises TrainerError, and leaves the store as it was, if ONNX Runtime differs from PyTorch by
    more than one level of 255.
    """
    card = model_card(model, evaluation)
    served = serve(model.network)
    serialized = to_onnx(served, card).SerializeToString(deterministic=True)
    image = read_rgb(photograph or _painting(model.recipe), PREVIEW_SHORT_SIDE)
    pixels = pixels_of(image)
    shown = _preview(pixels, model.recipe, partial(checked, served, session_of(serialized)))
    preview = io.BytesIO()
    Image.fromarray(shown).save(preview, "JPEG", quality=90)

    given = golden.inputs(served.sample_inputs)
    earlier = store / name / str(version) / "preview.jpg"
    files = {
        "model.onnx": serialized,
        "model.golden.npz": golden.pair(serialized, given),
        "card.json": (json.dumps(card, indent=2) + "\n").encode(),
        "preview.jpg": earlier.read_bytes()
        if photograph is None and earlier.exists()
        else preview.getvalue(),
        **precisions.float16_files(served, card, given),
    }
    recipe = model.recipe
    if examples and isinstance(recipe, StylizeRecipe) and recipe.network.norm == "instance":
        assert isinstance(served, ServedStyleNet)
        files |= precisions.int8_files(served, serialized, card, given, examples)
    atomic.write(store / name / "config.pbtxt", configuration(name, served.sample_inputs).encode())
    atomic.write_folder(store / name / str(version), files)
    return hashlib.sha256(serialized).hexdigest()


def configuration(name: str, sample_inputs: SampleInputs) -> str:
    """Triton's model configuration, as text."""
    inputs = [_IMAGE_INPUT]
    for each, shape in sample_inputs.items():
        inputs.append(_ROW_INPUT.format(each, *shape) if shape else _NUMBER_INPUT.format(each))
    return _CONFIG.format(name=name, inputs=",\n".join(inputs))


def _painting(recipe: Recipe) -> Path:
    """A picture for the preview where no photograph is given."""
    return recipe.style.file if isinstance(recipe, StylizeRecipe) else FOLDER / "wave.jpg"


def _preview(
    pixels: NDArray[np.uint8],
    recipe: Recipe,
    transform: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
) -> NDArray[np.uint8]:
    """``pixels`` [H, W, 3] stylised; or shrunk and enlarged again, on the left by bicubic."""
    if isinstance(recipe, StylizeRecipe):
        stylized: NDArray[np.uint8] = transform(np.stack([pixels, pixels[:, ::-1]]))[0]
        return stylized
    assert isinstance(recipe, UpscaleRecipe)
    factor = recipe.network.factor
    low = shrink(pixels, factor)
    enlarged = transform(np.stack([low, low[:, ::-1]]))[0]
    middle = enlarged.shape[1] // 2
    return np.concatenate([enlarge(low, factor)[:, :middle], enlarged[:, middle:]], axis=1)


def session_of(serialized: bytes) -> onnxruntime.InferenceSession:
    """A session of a serialized ONNX model on the CPU."""
    return onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])


def checked(
    served: Served,
    session: onnxruntime.InferenceSession,
    pixels: NDArray[np.uint8],
    row: NDArray[np.float32] | None = None,
) -> NDArray[np.uint8]:
    """The output of ONNX Runtime for uint8 [2, H, W, 3], compared with PyTorch's.

    The first image is stylised in full, the second by half and in its own colours; by a Painter,
    with this row [D]. Raises TrainerError if they differ by more than TOLERANCE.
    """
    values = {"strength": (1, 0.5), "preserve_color": (0, 1), "style": (row, row)}
    feeds = {
        "image": pixels,
        **{name: np.array(values[name], np.float32) for name in served.sample_inputs},
    }
    with torch.no_grad():
        expected = served(*map(torch.from_numpy, feeds.values())).numpy().astype(int)
    output: NDArray[np.uint8] = session.run(["output"], feeds)[0]
    worst = int(np.abs(output.astype(int) - expected).max())
    if worst > TOLERANCE:
        raise TrainerError(f"ONNX Runtime and PyTorch differ by {worst} levels of 255")
    return output


def model_card(model: TrainedModel, evaluation: Mapping[str, Any] | None) -> dict[str, Any]:
    """The model card: what the model is, how it was trained and how good it is."""
    recipe, training, network = model.recipe, model.training, model.network
    upscaler: dict[str, Any] = {}
    if isinstance(recipe, UpscaleRecipe):
        assert not isinstance(network, StyleNet)
        upscaler = {
            "objective": recipe.objective,
            "receptive_field": network.receptive_field,
        }
    return {
        "kind": recipe.kind,
        "factor": 1 if isinstance(network, StyleNet) else network.factor,
        **upscaler,
        "title": recipe.title,
        "licence": recipe.licence,
        "created": training.created,
        "data": recipe.data,
        "recipe": recipe.model_dump(mode="json", exclude_none=True),
        "recipe_digest": f"sha256:{recipe.digest}",
        "training": training.model_dump(mode="json", exclude={"created"}, exclude_none=True),
        **({} if evaluation is None else {"evaluation": evaluation}),
    }
