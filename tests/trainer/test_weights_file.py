"""Trained weights on disk."""

import json
from pathlib import Path

import pytest
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from tests.support import small
from trainer import weights_file
from trainer.errors import TrainerError
from trainer.networks.style import Norm


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_a_model_comes_back_as_it_was_saved(tmp_path: Path, painting: Path, norm: Norm) -> None:
    model = small.model(painting, small.lively(width=4, norm=norm))
    file = tmp_path / "new" / "model.safetensors"
    weights_file.save(file, model)
    loaded = weights_file.load(file)

    assert small.equal(loaded.network, model.network)
    assert loaded.recipe == model.recipe
    assert loaded.training == model.training
    assert not loaded.network.training, "ready to be used"
    assert list(file.parent.iterdir()) == [file]


def test_metadata_can_be_read_without_the_trainer(tmp_path: Path, painting: Path) -> None:
    model = small.model(painting, small.lively(width=4))
    file = tmp_path / "model.safetensors"
    weights_file.save(file, model)
    with safe_open(file, "pt") as stored:
        metadata = stored.metadata()
    assert json.loads(metadata["recipe"]) == model.recipe.model_dump(mode="json")
    assert json.loads(metadata["training"])["losses"] == model.training.losses


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"model\.safetensors: no such file"):
        weights_file.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize("content", [b"", b"not safetensors", bytes(1000)])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(content)
    with pytest.raises(TrainerError, match=r"model\.safetensors: not weights of this trainer"):
        weights_file.load(file)


def test_weights_of_another_network_are_refused(
    tmp_path: Path, random_vgg: dict[str, Tensor]
) -> None:
    file = tmp_path / "vgg16.safetensors"
    save_file(random_vgg, file)
    with pytest.raises(TrainerError, match=r"vgg16\.safetensors: not weights of this trainer"):
        weights_file.load(file)


def test_weights_that_do_not_fit_their_own_recipe_are_refused(
    tmp_path: Path, painting: Path
) -> None:
    file = tmp_path / "model.safetensors"
    weights_file.save(file, small.model(painting, small.lively(width=4)))
    with safe_open(file, "pt") as stored:
        metadata = stored.metadata()
    save_file(dict(small.lively(width=8).state_dict()), file, metadata)
    with pytest.raises(TrainerError, match=r"model\.safetensors: not weights of this trainer"):
        weights_file.load(file)
