"""Exporting a network: what the model's folder in the store holds."""

import copy
import dataclasses
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnxruntime import InferenceSession
from PIL import Image

from tests.support import small
from tests.support.checkout import ROOT
from tests.support.small import Exported
from trainer import weights_file
from trainer.errors import TrainerError
from trainer.export import precisions, store
from trainer.export.calibration import example
from trainer.images.photographs import read_rgb
from trainer.networks.served import ServedStyleNet
from trainer.recipe import StylizeRecipe

EXPORT_AGAIN = """
import sys
from pathlib import Path
from tests.support.small import EVALUATION
from trainer import weights_file
from trainer.export.store import export

weights, photograph, folder = map(Path, sys.argv[1:])
model = weights_file.load(weights)
export(model, "small", folder, photograph=photograph, evaluation=EVALUATION)
"""


@pytest.fixture(scope="module")
def card(exported: Exported) -> dict[str, Any]:
    card: dict[str, Any] = json.loads((exported.folder / "1" / "card.json").read_text())
    return card


@pytest.fixture
def graphs_at_hand(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spares exporting the network again; what is written is the same."""
    files = {store: "model.onnx", precisions: "model.float16.onnx"}
    for module, file in files.items():
        graph = onnx.load(exported.folder / "1" / file)
        monkeypatch.setattr(module, "to_onnx", lambda *_, graph=graph: graph)


def test_a_models_folder_holds_graph_configuration_card_and_preview(exported: Exported) -> None:
    files = {
        str(file.relative_to(exported.folder))
        for file in exported.folder.rglob("*")
        if file.is_file()
    }
    assert files == {
        "config.pbtxt",
        "1/model.onnx",
        "1/model.golden.npz",
        "1/model.float16.onnx",
        "1/model.float16.golden.npz",
        "1/card.json",
        "1/preview.jpg",
    }
    assert exported.digest == hashlib.sha256(exported.onnx.read_bytes()).hexdigest()


def test_the_card_says_what_the_model_is_and_how_it_came_to_be(
    exported: Exported, card: dict[str, Any]
) -> None:
    recipe = exported.model.recipe
    assert (card["kind"], card["factor"]) == ("stylize", 1)
    assert (card["title"], card["licence"]) == (recipe.title, recipe.licence)
    assert StylizeRecipe.model_validate(card["recipe"]) == recipe
    assert card["recipe_digest"] == f"sha256:{recipe.digest}"
    assert card["data"] == recipe.data
    assert card["created"] == exported.model.training.created
    assert card["training"]["losses"] == exported.model.training.losses
    assert card["evaluation"] == small.EVALUATION


def test_the_graph_carries_its_card(session: InferenceSession, card: dict[str, Any]) -> None:
    stored = session.get_modelmeta().custom_metadata_map
    as_card = {
        key: text if isinstance(card.get(key), str) else json.loads(text)
        for key, text in stored.items()
    }
    assert as_card == card


def test_the_configuration_is_tritons(exported: Exported) -> None:
    text = (exported.folder / "config.pbtxt").read_text()
    assert 'name: "small"' in text
    assert 'platform: "onnxruntime_onnx"' in text
    for field in (
        'name: "image", data_type: TYPE_UINT8, dims: [ -1, -1, 3 ]',
        'name: "strength", data_type: TYPE_FP32, dims: [ 1 ], reshape: { shape: [ ] }',
        'name: "preserve_color", data_type: TYPE_FP32, dims: [ 1 ], reshape: { shape: [ ] }',
        'name: "output", data_type: TYPE_UINT8, dims: [ -1, -1, 3 ]',
    ):
        assert field in text


def test_the_preview_is_the_photograph_in_the_models_style(
    exported: Exported, photographs: tuple[Path, ...]
) -> None:
    with Image.open(exported.folder / "1" / "preview.jpg") as opened:
        assert opened.format == "JPEG"
        preview = np.asarray(opened).astype(int)
    pixels = read_rgb(photographs[0], 320).byte().permute(0, 2, 3, 1)
    with torch.no_grad():
        expected = ServedStyleNet(exported.model.network)(pixels, torch.ones(1), torch.zeros(1))
    assert preview.shape == expected.shape[1:]
    assert np.abs(preview - expected[0].numpy()).mean() < 12, "but for JPEG"


@pytest.mark.usefixtures("graphs_at_hand")
def test_exporting_again_without_a_photograph_leaves_the_preview(
    tmp_path: Path, exported: Exported
) -> None:
    folder = tmp_path / "small" / "1"
    folder.mkdir(parents=True)
    (folder / "preview.jpg").write_bytes(b"of somebody's choice")
    store.export(exported.model, "small", tmp_path, photograph=None, evaluation=None)
    assert (folder / "preview.jpg").read_bytes() == b"of somebody's choice"
    assert (folder / "model.onnx").is_file()


@pytest.mark.usefixtures("graphs_at_hand")
def test_another_version_is_put_beside_the_first(tmp_path: Path, exported: Exported) -> None:
    folder = Path(shutil.copytree(exported.folder, tmp_path / "small"))
    before = contents(folder)
    store.export(exported.model, "small", tmp_path, version=2, photograph=None, evaluation=None)
    after = contents(folder)
    assert {file: after[file] for file in before} == before
    assert {file.relative_to(folder / "2").name for file in after.keys() - before.keys()} == {
        file.relative_to(folder / "1").name for file in before if file.parent.name == "1"
    }


def test_with_photographs_to_calibrate_on_a_style_is_written_in_8_bit_integers_too(
    tmp_path: Path, coffee: NDArray[np.uint8]
) -> None:
    wave = weights_file.load(ROOT / "trainer" / "weights" / "wave.safetensors")
    store.export(
        wave, "wave", tmp_path, photograph=None, evaluation=None, examples=[example(coffee)]
    )
    folder = tmp_path / "wave" / "1"
    with np.load(folder / "model.int8.golden.npz") as golden:
        pair = dict(golden)
    output = pair.pop("output")
    integers = InferenceSession(folder / "model.int8.onnx", providers=["CPUExecutionProvider"])
    assert np.array_equal(integers.run(["output"], pair)[0], output)


def test_a_style_that_8_bit_integers_would_change_is_written_in_floats_alone(
    tmp_path: Path,
    exported: Exported,
    coffee: NDArray[np.uint8],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Random weights make noise of what a photograph leaves open."""
    store.export(
        exported.model,
        "small",
        tmp_path,
        photograph=None,
        evaluation=None,
        examples=[example(coffee)],
    )
    assert not list(tmp_path.rglob("*int8*"))
    assert "8-bit integers" in caplog.text


def test_beside_it_lies_the_network_in_float16_and_answers_the_same(exported: Exported) -> None:
    with np.load(exported.folder / "1" / "model.golden.npz") as golden:
        pair = dict(golden)
    output = pair.pop("output").astype(int)
    graph = onnx.load(exported.folder / "1" / "model.float16.onnx")
    types = {each.name: each.data_type for each in graph.graph.initializer}
    convolutions = [node for node in graph.graph.node if node.op_type == "Conv"]
    assert {types[node.input[1]] for node in convolutions} == {onnx.TensorProto.FLOAT16}
    halves = InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    difference = np.abs(halves.run(["output"], pair)[0] - output)
    assert difference.mean() < precisions.FLOAT16_TOLERANCE


def test_a_network_whose_values_do_not_fit_into_float16_is_written_in_float32_alone(
    tmp_path: Path, exported: Exported, caplog: pytest.LogCaptureFixture
) -> None:
    """Instance norm undoes any factor, but beyond 65,504 there is no number in float16."""
    network = copy.deepcopy(exported.model.network)
    with torch.no_grad():
        next(network.parameters()).mul_(1e6)
    model = dataclasses.replace(exported.model, network=network)
    store.export(model, "small", tmp_path, photograph=None, evaluation=None)
    assert not list(tmp_path.rglob("*float16*"))
    assert "not in float16" in caplog.text


def test_the_golden_output_is_that_of_the_graph_for_inputs_of_all_kinds(
    exported: Exported, session: InferenceSession
) -> None:
    with np.load(exported.folder / "1" / "model.golden.npz") as golden:
        pair = dict(golden)
    output = pair.pop("output")
    assert pair.keys() == {each.name for each in session.get_inputs()}
    assert np.array_equal(session.run(["output"], pair)[0], output)
    assert output.std() > 20, "a plain picture would show little of what a network does"


def test_exporting_elsewhere_gives_the_same_bytes(
    tmp_path: Path, exported: Exported, photographs: tuple[Path, ...]
) -> None:
    weights_file.save(tmp_path / "small.safetensors", exported.model)
    command = [sys.executable, "-c", EXPORT_AGAIN, "small.safetensors", photographs[0], "store"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
    for name in (
        "1/model.onnx",
        "1/model.golden.npz",
        "1/model.float16.onnx",
        "1/model.float16.golden.npz",
        "1/card.json",
        "1/preview.jpg",
        "config.pbtxt",
    ):
        again = tmp_path / "store" / "small" / name
        assert again.read_bytes() == (exported.folder / name).read_bytes(), name


def test_a_graph_that_differs_from_its_network_is_refused_and_the_store_left_as_it_was(
    exported: Exported, photographs: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> onnx.ModelProto:
        """The right graph, but for a little less contrast."""
        program = onnx.load(exported.onnx)
        (weight,) = (t for t in program.graph.initializer if list(t.dims) == [12, 32, 5, 5])
        values = 0.95 * onnx.numpy_helper.to_array(weight)
        weight.CopyFrom(onnx.numpy_helper.from_array(values, weight.name))
        return program

    models = exported.folder.parent
    before = contents(models)
    monkeypatch.setattr(store, "to_onnx", damaged)
    photograph = photographs[0]
    for name in ("small", "another"):
        with pytest.raises(TrainerError, match=r"differ by \d+ levels of 255"):
            store.export(exported.model, name, models, photograph=photograph, evaluation=None)
    assert contents(models) == before


@pytest.mark.usefixtures("graphs_at_hand")
def test_a_missing_photograph_leaves_the_store_as_it_was(
    exported: Exported, tmp_path: Path
) -> None:
    with pytest.raises(TrainerError, match=r"lost\.jpg: no such file"):
        store.export(
            exported.model, "small", tmp_path, photograph=Path("lost.jpg"), evaluation=None
        )
    assert list(tmp_path.iterdir()) == []


def contents(folder: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
