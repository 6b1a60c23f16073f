"""The models in the store are the exports of the weights in the package."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from service.models.golden import MAX_TOLERANCE
from tests.support.checkout import ROOT
from trainer import recipe, weights_file
from trainer.export import graphs, precisions, store
from trainer.weights_file import TrainedModel

WEIGHTS = ROOT / "trainer" / "weights"
STEMS = {file.stem for file in WEIGHTS.glob("*.safetensors")}
UNDER_WAY = {stem.removesuffix(".moments") for stem in STEMS if stem.endswith(".moments")}
"""Runs that go on later: their weights are those of no finished model."""
NAMES = sorted(STEMS - UNDER_WAY - {f"{name}.moments" for name in UNDER_WAY})

each_model = pytest.mark.parametrize("name", NAMES)


@pytest.fixture
def shipped(name: str, model_store: Path) -> Path:
    folder = model_store / name
    if not folder.is_dir():
        pytest.skip(f"the model store has no {name}")
    return folder


@pytest.fixture
def model(name: str) -> TrainedModel:
    return weights_file.load(WEIGHTS / f"{name}.safetensors")


def answered(file: Path, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What a network makes of one image, uint8 [H, W, 3]; a style in full."""
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    values = {
        "image": image[None],
        "strength": np.float32([1]),
        "preserve_color": np.float32([0]),
    }
    feeds = {each.name: values[each.name] for each in session.get_inputs()}
    output: NDArray[np.uint8] = session.run(["output"], feeds)[0][0]
    return output


@each_model
def test_the_shipped_weights_were_trained_by_the_shipped_recipe(
    name: str, model: TrainedModel
) -> None:
    assert model.recipe == recipe.load(name)
    assert model.training.steps == model.recipe.schedule.steps


@each_model
def test_the_shipped_model_paints_what_the_shipped_weights_paint(
    shipped: Path, model: TrainedModel, photograph: NDArray[np.uint8]
) -> None:
    card = json.loads((shipped / "1" / "card.json").read_text())
    assert card["recipe_digest"] == f"sha256:{model.recipe.digest}"
    assert card["created"] == model.training.created

    image = photograph[:180]
    served = graphs.serve(model.network)
    inputs = (torch.from_numpy(image)[None], torch.ones(1), torch.zeros(1))
    with torch.no_grad():
        expected = served(*inputs[: 1 + len(served.sample_inputs)])[0].numpy()
    output = answered(shipped / "1" / "model.onnx", image)
    assert np.abs(output.astype(int) - expected).max() <= store.TOLERANCE


@each_model
def test_exporting_the_shipped_weights_gives_the_shipped_model(
    name: str, shipped: Path, model: TrainedModel, tmp_path: Path
) -> None:
    made_by = onnx.load(shipped / "1" / "model.onnx").producer_version
    if made_by.partition("+")[0] != torch.__version__.partition("+")[0]:
        pytest.skip(f"the shipped model was exported by PyTorch {made_by}")
    store.export(
        model,
        name,
        tmp_path,
        photograph=None,
        evaluation=recipe.evaluation_of(name, model.recipe),
    )
    for file in ("1/model.onnx", "1/model.float16.onnx", "config.pbtxt", "1/card.json"):
        again = (tmp_path / name / file).read_bytes()
        assert again == (shipped / file).read_bytes(), file
    again, golden = (
        dict(np.load(folder / "1" / "model.golden.npz")) for folder in (tmp_path / name, shipped)
    )
    # Other processors may round otherwise.
    assert np.abs(again.pop("output").astype(int) - golden.pop("output")).max() <= store.TOLERANCE
    assert again.keys() == golden.keys()
    assert all(np.array_equal(again[each], golden[each]) for each in golden)


@each_model
def test_a_shipped_style_in_8_bit_integers_paints_nearly_the_same(
    shipped: Path, model: TrainedModel, photograph: NDArray[np.uint8]
) -> None:
    if model.recipe.kind != "stylize":
        pytest.skip("only styles are shipped in 8-bit integers")
    floats, integers = (
        answered(shipped / "1" / file, photograph) for file in ("model.onnx", "model.int8.onnx")
    )
    assert np.abs(floats.astype(int) - integers).mean() < precisions.INT8_TOLERANCE


@each_model
def test_a_shipped_model_in_float16_answers_the_same(
    shipped: Path, model: TrainedModel, photograph: NDArray[np.uint8]
) -> None:
    """In PyTorch, which computes in float16; on a CPU, ONNX Runtime does not."""
    served = graphs.serve(model.network)
    values = (torch.from_numpy(photograph)[None, :96, :96], torch.ones(1), torch.zeros(1))
    inputs = values[: 1 + len(served.sample_inputs)]
    with torch.no_grad():
        floats, halves = (net(*inputs).int() for net in (served, precisions.in_float16(served)))
    differences = (floats - halves).abs()
    assert differences.double().mean() < precisions.FLOAT16_TOLERANCE
    assert differences.max() <= MAX_TOLERANCE
    assert (shipped / "1" / "model.float16.onnx").is_file()


@each_model
def test_a_shipped_style_paints_strokes_where_a_photograph_is_flat(
    shipped: Path, model: TrainedModel, photograph: NDArray[np.uint8]
) -> None:
    if model.recipe.kind != "stylize":
        pytest.skip("only styles paint")
    beside_white = np.full((120, 320, 3), 255, np.uint8)
    beside_white[:, :144] = photograph[:, :144]
    for file in ("model.onnx", "model.int8.onnx"):
        painted = answered(shipped / "1" / file, beside_white)[30:-30, 220:290]
        assert painted.std(axis=(0, 1)).mean() > 3, "without grain it is 0.5"
