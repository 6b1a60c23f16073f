"""A Painter in the model store: one network, and styles as rows beside it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from onnxruntime import InferenceSession
from PIL import Image

from tests.support import painters
from trainer.errors import TrainerError
from trainer.export import gallery
from trainer.networks.painter import Painter
from trainer.weights_file import TrainedModel

STYLES = {"one", "other"}


@pytest.fixture(scope="module")
def model(painting: Path) -> TrainedModel:
    return painters.model(painting)


@pytest.fixture(scope="module")
def exported(model: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    gallery.export(model, folder, photograph=None)
    return folder


@pytest.fixture
def photograph_file(photographs: tuple[Path, ...]) -> Path:
    return photographs[0]


@pytest.fixture
def network(model: TrainedModel) -> Painter:
    assert isinstance(model.network, Painter)
    return model.network


def test_one_network_and_its_styles_are_in_the_store(exported: Path) -> None:
    version = exported / "painter" / "1"
    assert {folder.name for folder in (version / "styles").iterdir()} == STYLES
    for name in STYLES:
        files = {file.name for file in (version / "styles" / name).iterdir()}
        assert files == {"rows.npz", "card.json", "preview.jpg"}
    assert {"model.onnx", "model.golden.npz", "card.json"} <= {f.name for f in version.iterdir()}


def test_the_configuration_is_tritons(exported: Path, network: Painter) -> None:
    text = (exported / "painter" / "config.pbtxt").read_text()
    width = len(network.plain)
    assert f'{{ name: "style", data_type: TYPE_FP32, dims: [ {width} ] }}' in text
    assert 'name: "strength", data_type: TYPE_FP32, dims: [ 1 ], reshape: { shape: [ ] }' in text


def test_a_styles_rows_are_those_of_its_strokes(exported: Path, network: Painter) -> None:
    rows = network.rows.detach().numpy().reshape(2, 2, -1)
    for name, own in zip(("one", "other"), rows, strict=True):
        with np.load(exported / "painter" / "1" / "styles" / name / "rows.npz") as table:
            assert np.array_equal(table["rows"], own)


def test_a_styles_card_says_whose_painting_it_is(exported: Path) -> None:
    card = json.loads((exported / "painter/1/styles/one/card.json").read_bytes())
    named = {key: card[key] for key in ("kind", "title", "painter", "year", "short_sides")}
    assert named == {
        "kind": "stylize",
        "title": "A painting",
        "painter": "Nobody",
        "year": "1900",
        "short_sides": [64, 96],
    }


def test_a_preview_is_the_painting_in_its_own_style(exported: Path) -> None:
    with Image.open(exported / "painter/1/styles/one/preview.jpg") as preview:
        assert min(preview.size) == 320


def test_the_golden_output_is_that_of_several_rows(exported: Path) -> None:
    with np.load(exported / "painter" / "1" / "model.golden.npz") as golden:
        pair = dict(golden)
    output = pair.pop("output")
    assert len(np.unique(pair["style"], axis=0)) == len(output) == 4
    session = InferenceSession(
        exported / "painter" / "1" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    assert np.array_equal(session.run(["output"], pair)[0], output)


def test_rows_for_the_same_body_are_added_as_a_style(
    exported: Path, model: TrainedModel, network: Painter, painting: Path
) -> None:
    recipe = painters.recipe(painting)
    mine = recipe.model_copy(
        update={"paintings": (recipe.paintings[0].model_copy(update={"name": "mine"}),)}
    )
    fitted = mine.build()
    fitted.body.load_state_dict(network.body.state_dict())
    before = (exported / "painter" / "1" / "model.onnx").read_bytes()
    gallery.add(replace(model, network=fitted.eval(), recipe=mine), exported, photograph=None)
    styles = exported / "painter" / "1" / "styles"
    assert {folder.name for folder in styles.iterdir()} == {*STYLES, "mine"}
    assert (exported / "painter" / "1" / "model.onnx").read_bytes() == before


def test_rows_for_another_body_are_refused(exported: Path, painting: Path) -> None:
    with pytest.raises(TrainerError, match="another network"):
        gallery.add(painters.model(painting, seed=1), exported, photograph=None)


def test_one_style_is_written_anew_and_the_others_stay(
    exported: Path, model: TrainedModel, photograph_file: Path
) -> None:
    styles = exported / "painter" / "1" / "styles"
    before = {name: (styles / name / "preview.jpg").read_bytes() for name in STYLES}
    written = gallery.add(model, exported, photograph=photograph_file, only="one")
    assert written == [styles / "one"]
    assert (styles / "one" / "preview.jpg").read_bytes() != before["one"]
    assert (styles / "other" / "preview.jpg").read_bytes() == before["other"]


def test_there_must_be_a_painter_to_add_a_style_to(model: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"model\.onnx"):
        gallery.add(model, tmp_path, photograph=None)
