"""A painting of one's own: trained and exported under a name, with nothing else to decide."""

import io
import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from torch import Tensor

from tests.support import small
from trainer import commands, recipe, weights_file
from trainer.__main__ import main
from trainer.pretrained import vgg_weights
from trainer.training import loop, start
from trainer.weights_file import TrainedModel

SHIPPED = commands.WEIGHTS


class Finished(NamedTuple):
    folder: Path
    said: str

    @property
    def model(self) -> TrainedModel:
        return weights_file.load(self.folder / "runs" / "mine" / loop.WEIGHTS)


@pytest.fixture(scope="module")
def mine(
    tmp_path_factory: pytest.TempPathFactory,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> Finished:
    """A step of training on a painting."""
    folder = tmp_path_factory.mktemp("mine")
    (folder / "weights").mkdir()
    shutil.copy(SHIPPED / f"{start.WARM_START}.safetensors", folder / "weights")
    asked = ["train", "--style-image", painting, "--name", "mine", "--data", photographs[0].parent]
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        patch.chdir(folder)
        patch.setattr(commands, "WEIGHTS", folder / "weights")
        patch.setattr(vgg_weights, "load", lambda _: random_vgg)
        assert main([*map(str, asked), "--steps", "1", "--device", "cpu", "--workers", "0"]) == 0
    return Finished(folder, said.getvalue())


def test_it_starts_from_a_shipped_style_and_follows_its_recipe(
    mine: Finished, painting: Path
) -> None:
    base, followed = recipe.load(start.BASE_RECIPE), mine.model.recipe
    assert isinstance(followed, recipe.StylizeRecipe)
    assert followed.style.file == painting
    assert followed.loss == base.loss
    assert followed.network == base.network
    assert (mine.model.training.init_from or "").startswith(f"{start.WARM_START} (")


def test_the_end_says_how_long_it_took_and_what_is_next(mine: Finished) -> None:
    last = mine.said.splitlines()[-1]
    assert last.startswith("trained runs/mine/weights.safetensors in 0")
    assert last.endswith("; next: python -m trainer export --style mine")


def test_it_is_exported_under_its_name(mine: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    from trainer.export import store

    exported: list[tuple[Any, ...]] = []

    def record(*arguments: object, **_: object) -> str:
        exported.append(arguments)
        return "0" * 64

    monkeypatch.chdir(mine.folder)
    monkeypatch.setattr(commands, "WEIGHTS", mine.folder / "weights")
    monkeypatch.setattr(store, "export", record)
    assert main(["export", "--style", "mine"]) == 0
    ((model, name, folder),) = exported
    assert (name, model.recipe.title, folder) == ("mine", "mine", Path("model_store"))
    assert small.equal(model.network, mine.model.network)
