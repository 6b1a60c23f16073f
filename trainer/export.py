"""Writes trained networks into the model store as ONNX, with their cards.

The exported graph is checked against PyTorch before it takes its place in the store. Beside a
style lies the same network in 8-bit integers, for CPUs.
"""

import hashlib
import io
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from PIL import Image

from trainer import atomic, data, golden
from trainer.balancing import balanced
from trainer.errors import TrainerError
from trainer.networks import ServedStyleNet, StyleNet
from trainer.quantization import quantized
from trainer.recipe import FOLDER, Recipe, StylizeRecipe, UpscaleRecipe
from trainer.resampling import enlarge, shrink
from trainer.upscale_networks import ServedUpscaleNet
from trainer.weights_file import Network, TrainedModel

OPSET = 20
TOLERANCE = 1
"""Levels of 255 by which ONNX Runtime may differ from PyTorch."""
INT8_TOLERANCE = 2.0
"""Levels of 255 by which 8-bit integers may change a photograph's picture on average."""
PREVIEW_SHORT_SIDE = 320

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
_SAMPLE_INPUT = '  {{ name: "{}", data_type: TYPE_FP32, dims: [ 1 ], reshape: {{ shape: [ ] }} }}'

Served = ServedStyleNet | ServedUpscaleNet

log = logging.getLogger(__name__)


def export(
    model: TrainedModel,
    name: str,
    store: Path,
    *,
    version: int = 1,
    photograph: Path | None,
    evaluation: Mapping[str, Any] | None,
    calibration: Sequence[NDArray[np.uint8]] = (),
) -> str:
    """Write a version of the model into the store; returns the SHA-256 of the ONNX file, hex.

    A version takes its place with all of its files at once, so a service may be reading the store.
    ``photograph`` is transformed for the preview; without one a preview that is there stays, and a
    new version shows a painting. With photographs for ``calibration``, uint8 [H, W, 3], a style is
    written in 8-bit integers too, if it bears that.

    Raises TrainerError, and leaves the store as it was, if ONNX Runtime differs from PyTorch by
    more than one level of 255.
    """
    card = _card(model, evaluation)
    served = serve(model.network)
    serialized = to_onnx(served, card).SerializeToString(deterministic=True)
    image = data.read_rgb(photograph or _painting(model.recipe), PREVIEW_SHORT_SIDE)
    pixels = data.pixels_of(image)
    shown = _preview(pixels, model.recipe, lambda batch: _checked(served, serialized, batch))
    preview = io.BytesIO()
    Image.fromarray(shown).save(preview, "JPEG", quality=90)

    kept = store / name / str(version) / "preview.jpg"
    files = {
        "model.onnx": serialized,
        "model.golden.npz": golden.pair(serialized, served.sample_inputs),
        "card.json": (json.dumps(card, indent=2) + "\n").encode(),
        "preview.jpg": kept.read_bytes()
        if photograph is None and kept.exists()
        else preview.getvalue(),
    }
    recipe = model.recipe
    if calibration and isinstance(recipe, StylizeRecipe) and recipe.network.norm == "instance":
        files |= _int8_files(served, serialized, card, calibration)
    atomic.write(store / name / "config.pbtxt", _config(name, served).encode())
    atomic.write_folder(store / name / str(version), files)
    return hashlib.sha256(serialized).hexdigest()


def serve(network: Network) -> Served:
    """The network as it is served: bytes in, bytes out."""
    if isinstance(network, StyleNet):
        return ServedStyleNet(network).eval()
    return ServedUpscaleNet(network).eval()


def _int8_files(
    served: Served,
    serialized: bytes,
    card: Mapping[str, Any],
    calibration: Sequence[NDArray[np.uint8]],
) -> dict[str, bytes]:
    """The style in 8-bit integers and its golden output; none if its pictures differ too much."""
    assert isinstance(served, ServedStyleNet)
    graph = quantized(to_onnx(balanced(served, calibration), card))
    of_bytes = graph.SerializeToString(deterministic=True)
    difference = max(_differences(serialized, of_bytes, calibration))
    if difference > INT8_TOLERANCE:
        log.warning("not in 8-bit integers: they would change a picture by %.1f levels", difference)
        return {}
    pair = golden.pair(of_bytes, served.sample_inputs)
    return {"model.int8.onnx": of_bytes, "model.int8.golden.npz": pair}


def _differences(
    one: bytes, other: bytes, photographs: Sequence[NDArray[np.uint8]]
) -> Iterator[float]:
    """Mean absolute levels of 255 between the pictures that two styles paint."""
    sessions = [_session(serialized) for serialized in (one, other)]
    for photograph in photographs:
        feeds = {
            "image": photograph[None],
            "strength": np.ones(1, np.float32),
            "preserve_color": np.zeros(1, np.float32),
        }
        first, second = (session.run(["output"], feeds)[0].astype(int) for session in sessions)
        yield float(np.abs(first - second).mean())


def to_onnx(served: Served, card: Mapping[str, Any]) -> onnx.ModelProto:
    """The network as an ONNX graph with dynamic N, H and W; the same bytes every time."""
    batch, height, width = 2, 48, 64  # any that are not equal: equal ones would be taken as one
    example = torch.zeros(batch, height, width, 3, dtype=torch.uint8)
    dynamic = torch.export.Dim.DYNAMIC
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of missing torchvision
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        exported = torch.onnx.export(
            served,
            (example, *(torch.zeros(batch) for _ in served.sample_inputs)),
            input_names=["image", *served.sample_inputs],
            output_names=["output"],
            dynamic_shapes=(
                {0: dynamic, 1: dynamic, 2: dynamic},
                *({0: dynamic} for _ in served.sample_inputs),
            ),
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


def _config(name: str, served: Served) -> str:
    """Triton's configuration of the model."""
    inputs = [_IMAGE_INPUT, *(_SAMPLE_INPUT.format(each) for each in served.sample_inputs)]
    return _CONFIG.format(name=name, inputs=",\n".join(inputs))


def _painting(recipe: Recipe) -> Path:
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
    factor = recipe.network.factor
    low = shrink(pixels, factor)
    enlarged = transform(np.stack([low, low[:, ::-1]]))[0]
    middle = enlarged.shape[1] // 2
    return np.concatenate([enlarge(low, factor)[:, :middle], enlarged[:, middle:]], axis=1)


def _checked(served: Served, serialized: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The output of ONNX Runtime for uint8 [2, H, W, 3], once it is known to be PyTorch's.

    The first image is stylised in full, the second by half and in its own colours.
    """
    session = _session(serialized)
    one, half, zero = np.float32(1), np.float32(0.5), np.float32(0)
    values = {"strength": np.stack([one, half]), "preserve_color": np.stack([zero, one])}
    feeds = {
        "image": pixels,
        **{name: values[name] for name in served.sample_inputs},
    }
    with torch.no_grad():
        expected = served(*map(torch.from_numpy, feeds.values())).numpy().astype(int)
    output: NDArray[np.uint8] = session.run(["output"], feeds)[0]
    worst = int(np.abs(output.astype(int) - expected).max())
    if worst > TOLERANCE:
        raise TrainerError(f"ONNX Runtime and PyTorch differ by {worst} levels of 255")
    return output


def _session(serialized: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])


def _card(model: TrainedModel, evaluation: Mapping[str, Any] | None) -> dict[str, Any]:
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
