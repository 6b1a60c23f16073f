"""Rows of another painting are fitted to a trained Painter's body."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support import painters
from trainer import commands, recipe, weights_file
from trainer.__main__ import main
from trainer.errors import TrainerError
from trainer.networks.painter import Painter
from trainer.painter_recipe import PainterRecipe
from trainer.pretrained import vgg_weights
from trainer.training import checkpoint, start
from trainer.weights_file import TrainedModel, Training

NOTHING = Training(created="", device="cpu", steps=1, images=1, seconds=1.0, losses={})


@pytest.fixture
def gallery(painting: Path, monkeypatch: pytest.MonkeyPatch) -> PainterRecipe:
    """A recipe `painter` as small as can be, one of whose paintings is left for later."""
    followed = painters.recipe(painting)
    late = followed.paintings[0].model_copy(update={"name": "late"})
    followed = followed.model_copy(update={"fitted_later": (late,)})
    monkeypatch.setattr(recipe, "names", lambda: ["painter"])
    monkeypatch.setattr(recipe, "load", lambda _: followed)
    return followed


@pytest.fixture
def trained(gallery: PainterRecipe, tmp_path: Path) -> Painter:
    """The trained Painter of that recipe, among the weights."""
    network = painters.enlivened(gallery.build())
    file = tmp_path / "weights" / "painter.safetensors"
    weights_file.save(file, TrainedModel(network, gallery, NOTHING))
    return network


def fit(folder: Path, photographs: tuple[Path, ...], *asked: object) -> Painter:
    options = ["--data", photographs[0].parent, "--runs", folder / "runs", "--workers", "0"]
    assert main([*map(str, ("train", *asked, *options)), "--device", "cpu"]) == 0
    (file,) = folder.glob("runs/*/weights.safetensors")
    network = weights_file.load(file).network
    assert isinstance(network, Painter)
    return network


@pytest.fixture(autouse=True)
def weights(tmp_path: Path, random_vgg: dict[str, Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "WEIGHTS", tmp_path / "weights")
    monkeypatch.setattr(vgg_weights, "load", lambda _: random_vgg)


def test_a_painting_of_ones_own_gets_rows_and_the_body_stays(
    trained: Painter, tmp_path: Path, painting: Path, photographs: tuple[Path, ...]
) -> None:
    asked = ("--style", "painter", "--style-image", painting, "--name", "mine")
    mine = fit(tmp_path, photographs, *asked)
    before = trained.body.state_dict()
    assert all(torch.equal(of, before[name]) for name, of in mine.body.state_dict().items())
    assert mine.rows.shape == (2, len(trained.plain))
    assert not torch.equal(mine.rows[0], mine.rows[1])


def test_a_painting_left_for_later_is_fitted_by_its_name(
    trained: Painter, tmp_path: Path, photographs: tuple[Path, ...]
) -> None:
    late = fit(tmp_path, photographs, "--style", "late")
    assert (late.rows - trained.rows.mean(dim=0)).abs().max() > 0


def test_fitting_begins_from_the_mean_of_the_rows(trained: Painter, gallery: PainterRecipe) -> None:
    followed = start.recipe_of("late", None, None, None)
    run = checkpoint.new_run(followed, torch.device("cpu"))
    run.fit_to(TrainedModel(trained, gallery, NOTHING), "painter")
    assert isinstance(run.network, Painter)
    torch.testing.assert_close(run.network.rows, trained.rows.mean(dim=0).expand(2, -1))


def test_rows_are_not_fitted_to_what_is_no_painter(gallery: PainterRecipe) -> None:
    wave = weights_file.load(Path(commands.__file__).parent / "weights" / "wave.safetensors")
    run = checkpoint.new_run(start.recipe_of("late", None, None, None), torch.device("cpu"))
    with pytest.raises(TrainerError, match="wave: not a Painter"):
        run.fit_to(wave, "wave")
