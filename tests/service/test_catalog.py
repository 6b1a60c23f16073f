"""Reading the model store."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from service import catalog
from service.catalog import BrokenStore
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


def test_a_folder_without_a_card_is_no_model(store: Path) -> None:
    (store / "lost+found").mkdir()
    assert "lost+found" not in catalog.read(store).models


def test_an_unknown_model_is_named_with_those_there_are(store: Path) -> None:
    with pytest.raises(UnknownModel, match=r"'vawe'.*wave"):
        catalog.read(store).get("vawe", "stylize")


def test_a_model_of_another_kind_is_unknown(store: Path) -> None:
    with pytest.raises(UnknownModel):
        catalog.read(store).get("wave", "upscale")


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokenStore, match="nowhere"):
        catalog.read(tmp_path / "nowhere")


def test_an_empty_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokenStore, match="no models"):
        catalog.read(tmp_path)


def test_a_model_without_its_network_is_refused(store: Path) -> None:
    (store / "wave" / "1" / "model.onnx").unlink()
    with pytest.raises(BrokenStore, match=r"model\.onnx"):
        catalog.read(store)


@pytest.mark.parametrize("card", ["{", "{}", json.dumps({"kind": "paint"})])
def test_a_broken_card_is_refused(store: Path, card: str) -> None:
    (store / "wave" / "card.json").write_text(card)
    with pytest.raises(BrokenStore, match=r"card\.json"):
        catalog.read(store)
