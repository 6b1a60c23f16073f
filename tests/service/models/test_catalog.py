"""Reading the model store."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from service.models import catalog
from service.models.catalog import BrokenStore, Precision
from service.problems import UnknownModel


@pytest.fixture
def store(model_store: Path, tmp_path: Path) -> Path:
    """A copy of the shipped store, to break."""
    return Path(shutil.copytree(model_store, tmp_path / "store"))


def test_the_digest_is_the_sha_256_of_the_onnx_file(model_store: Path) -> None:
    model = catalog.read(model_store).models["wave"]
    assert model.digest == hashlib.sha256(model.file.read_bytes()).hexdigest()


def test_the_highest_version_is_served(store: Path) -> None:
    for version in ("2", "10"):
        shutil.copytree(store / "wave" / "1", store / "wave" / version)
    assert catalog.read(store).models["wave"].version == 10


@pytest.mark.parametrize("folder", ["lost+found", ".wave.new/1", "notes/drafts"])
def test_a_folder_without_numbered_versions_or_with_a_dot_is_no_model(
    store: Path, folder: str
) -> None:
    known = catalog.read(store).models.keys()
    (store / folder).mkdir(parents=True)
    assert catalog.read(store).models.keys() == known


def test_an_unknown_model_is_named_with_those_there_are(store: Path) -> None:
    with pytest.raises(UnknownModel, match=r"'vawe'.*wave"):
        catalog.read(store).get("vawe")


def test_an_upscaler_is_no_style(upscaler_store: Path) -> None:
    with pytest.raises(UnknownModel, match="no style"):
        catalog.read(upscaler_store).style("upscale_x4_pixel")


def test_an_upscaler_is_found_by_factor_and_objective(upscaler_store: Path) -> None:
    models = catalog.read(upscaler_store)
    assert models.upscaler(4, "pixel").name == "upscale_x4_pixel"
    assert models.upscaler(8, "feature").name == "upscale_x8_feature"


def test_an_unknown_upscaler_is_named_with_those_there_are(upscaler_store: Path) -> None:
    there_are = r"factor 3.*4 with model feature or pixel; 8 with model feature\."
    with pytest.raises(UnknownModel, match=there_are):
        catalog.read(upscaler_store).upscaler(3, "feature")


@pytest.mark.parametrize("field", ["factor", "objective", "receptive_field"])
def test_an_upscaler_s_card_without_what_serving_needs_is_refused(
    upscaler_store: Path, tmp_path: Path, field: str
) -> None:
    store = Path(shutil.copytree(upscaler_store, tmp_path / "store"))
    file = store / "upscale_x4_pixel" / "1" / "card.json"
    card = json.loads(file.read_text())
    del card[field]
    file.write_text(json.dumps(card))
    with pytest.raises(BrokenStore, match=rf"upscale_x4_pixel.*card\.json.*{field}"):
        catalog.read(store)


def test_a_receptive_field_that_leaves_little_of_a_tile_is_refused(
    upscaler_store: Path, tmp_path: Path
) -> None:
    store = Path(shutil.copytree(upscaler_store, tmp_path / "store"))
    file = store / "upscale_x4_pixel" / "1" / "card.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "receptive_field": 65}))
    with pytest.raises(BrokenStore, match="receptive_field"):
        catalog.read(store)


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenStore, match="nowhere"):
        catalog.read(tmp_path / "nowhere")


def test_an_empty_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenStore, match="no models"):
        catalog.read(tmp_path)


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_a_network_in_another_precision_is_read_where_it_is_asked_for(
    store: Path, precision: Precision
) -> None:
    floats, other = (catalog.read(store, each).models["wave"] for each in ("float32", precision))
    assert (floats.precision, other.precision) == ("float32", precision)
    assert (floats.file.name, other.file.name) == ("model.onnx", f"model.{precision}.onnx")
    assert other.golden.name == f"model.{precision}.golden.npz"
    assert floats.digest != other.digest


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_a_model_that_is_not_there_in_a_precision_is_read_in_float32(
    store: Path, precision: Precision
) -> None:
    (store / "wave" / "1" / f"model.{precision}.onnx").unlink()
    assert catalog.read(store, precision).models["wave"].precision == "float32"


@pytest.mark.parametrize("file", ["model.onnx", "card.json", "model.golden.npz"])
def test_a_version_without_one_of_its_files_is_refused(store: Path, file: str) -> None:
    (store / "wave" / "1" / file).unlink()
    with pytest.raises(BrokenStore, match=re.escape(f"wave/1/{file}")):
        catalog.read(store)


@pytest.mark.parametrize("card", ["{", "{}", json.dumps({"kind": "paint"})])
def test_a_broken_card_is_refused(store: Path, card: str) -> None:
    (store / "wave" / "1" / "card.json").write_text(card)
    with pytest.raises(BrokenStore, match=r"card\.json"):
        catalog.read(store)
