"""The model in the store is the export of the weights in the package."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from trainer import export, recipe, weights_file
from trainer.networks import ServedStyleNet
from trainer.weights_file import TrainedModel

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "trainer" / "weights"
STYLES = sorted(file.stem for file in WEIGHTS.glob("*.safetensors"))

each_style = pytest.mark.parametrize("style", STYLES)


@pytest.fixture
def shipped(style: str, model_store: Path) -> Path:
    folder = model_store / style
    if not folder.is_dir():
        pytest.skip(f"the model store has no {style}")
    return folder


@pytest.fixture
def model(style: str) -> TrainedModel:
    return weights_file.load(WEIGHTS / f"{style}.safetensors")


@each_style
def test_the_shipped_weights_were_trained_by_the_shipped_recipe(
    style: str, model: TrainedModel
) -> None:
    assert model.recipe == recipe.load(style)
    assert model.training.steps == model.recipe.schedule.steps


@each_style
def test_the_shipped_model_paints_what_the_shipped_weights_paint(
    shipped: Path, model: TrainedModel, photograph: NDArray[np.uint8]
) -> None:
    card = json.loads((shipped / "card.json").read_text())
    assert card["recipe_digest"] == f"sha256:{model.recipe.digest}"
    assert card["created"] == model.training.created

    session = onnxruntime.InferenceSession(
        shipped / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    image = torch.from_numpy(photograph)[None]
    one, zero = torch.ones(1), torch.zeros(1)
    feeds = {"image": image.numpy(), "strength": one.numpy(), "preserve_color": zero.numpy()}
    (output,) = session.run(["output"], feeds)
    with torch.no_grad():
        expected = ServedStyleNet(model.network)(image, one, zero).numpy()
    assert np.abs(output.astype(int) - expected).max() <= export.TOLERANCE


@each_style
def test_exporting_the_shipped_weights_gives_the_shipped_model(
    style: str, shipped: Path, model: TrainedModel, tmp_path: Path
) -> None:
    made_by = onnx.load(shipped / "1" / "model.onnx").producer_version
    if made_by.partition("+")[0] != torch.__version__.partition("+")[0]:
        pytest.skip(f"the shipped model was exported by PyTorch {made_by}")
    export.export(
        model,
        style,
        tmp_path,
        photograph=model.recipe.style.file,
        evaluation=recipe.evaluation_of(style, model.recipe),
    )
    for name in ("1/model.onnx", "config.pbtxt", "card.json"):
        again = (tmp_path / style / name).read_bytes()
        assert again == (shipped / name).read_bytes(), name
