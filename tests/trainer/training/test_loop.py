"""The training loop: seeds, options, learning rate, warm starts."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.support import small
from trainer import weights_file
from trainer.errors import TrainerError
from trainer.images.photographs import read_rgb
from trainer.losses import PerceptualLoss
from trainer.networks.style import StyleNet
from trainer.pretrained.vgg import VGG16
from trainer.recipe import StylizeRecipe
from trainer.training import checkpoint, loop

forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def distance(
    network: StyleNet,
    followed: StylizeRecipe,
    vgg: dict[str, Tensor],
    photographs: tuple[Path, ...],
) -> float:
    """The mean total over whole photographs."""
    painting = read_rgb(followed.style.file, followed.style.short_side)
    objective = PerceptualLoss(VGG16(vgg), painting, followed.loss)
    images = [read_rgb(file, 64) for file in photographs]
    with torch.no_grad():
        totals = [objective(network(i), objective.content_target(i)).total for i in images]
    return torch.stack(totals).mean().item()


def test_thirty_steps_bring_photographs_nearer_to_the_objective(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    followed = small.recipe(painting, stages=small.stages(30))
    untrained = checkpoint.new_run(followed, small.CPU).network
    trained = small.trained(followed, random_vgg, photographs, tmp_path / "run").network
    before = distance(untrained, followed, random_vgg, photographs)
    assert distance(trained, followed, random_vgg, photographs) < 0.8 * before


def test_one_seed_gives_one_model_and_another_seed_another(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    first, again, other = (
        small.trained(
            small.recipe(painting, seed=seed), random_vgg, photographs, tmp_path / name
        ).network
        for name, seed in (("first", 7), ("again", 7), ("other", 8))
    )
    assert small.equal(first, again)
    assert not small.equal(first, other)


@forks
@pytest.mark.parametrize(
    "changes", [{"workers": 2}, {"preview_every": 1, "checkpoint_every": 1}], ids=str
)
def test_options_do_not_change_the_model(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
    changes: dict[str, Any],
) -> None:
    followed = small.recipe(painting, stages=small.stages(2, 2))
    plain = small.trained(followed, random_vgg, photographs, tmp_path / "plain")
    changed = small.trained(followed, random_vgg, photographs, tmp_path / "changed", **changes)
    assert small.equal(plain.network, changed.network)


def test_the_weights_say_how_they_came_to_be(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    followed = small.recipe(painting, stages=small.stages(3, 2))
    small.trained(followed, random_vgg, photographs, tmp_path)
    model = weights_file.load(tmp_path / loop.WEIGHTS)
    assert model.recipe == followed
    assert (model.training.steps, model.training.images) == (5, 10)
    assert model.training.device == "cpu"
    assert model.training.seconds > 0
    parts = {"content", "style", "total_variation", "saturation", "lattice"}
    losses = model.training.losses
    assert losses.keys() == parts | {"total"}
    assert losses["total"] == pytest.approx(sum(losses[name] for name in parts), abs=0.3)


def test_the_last_step_is_taken_at_the_schedules_last_rate(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    followed = small.recipe(painting, stages=small.stages(2, 3))
    run = small.trained(followed, random_vgg, photographs, tmp_path)
    last = followed.schedule.learning_rate(4)
    assert [group["lr"] for group in run.optimizer.param_groups] == [last]


def test_a_stages_style_scale_multiplies_the_style_weight(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    (stage,) = small.stages(3)
    halved = stage.model_copy(update={"style_scale": 0.5})
    scaled = small.recipe(painting, stages=(halved,))
    loss = small.LOSS.model_copy(update={"style_weight": 0.5 * small.LOSS.style_weight})
    lighter = small.recipe(painting, stages=(stage,)).model_copy(update={"loss": loss})
    one, other = (
        small.trained(followed, random_vgg, photographs, tmp_path / name).network
        for name, followed in (("scaled", scaled), ("lighter", lighter))
    )
    assert small.equal(one, other)


def test_a_missing_painting_is_named(
    tmp_path: Path, photographs: tuple[Path, ...], random_vgg: dict[str, Tensor]
) -> None:
    with pytest.raises(TrainerError, match=r"lost\.jpg: no such file"):
        small.trained(small.recipe(tmp_path / "lost.jpg"), random_vgg, photographs, tmp_path)


def test_a_warm_start_begins_from_the_other_models_weights(tmp_path: Path, painting: Path) -> None:
    file = tmp_path / "older.safetensors"
    weights_file.save(file, small.model(painting, small.lively(width=4)))
    older = weights_file.load(file)
    run = checkpoint.new_run(small.recipe(painting), small.CPU)
    assert not small.equal(run.network, older.network)

    run.warm_start(weights_file.load(file), "older")

    assert small.equal(run.network, older.network)
    assert loop.trained_model(run).training.init_from == f"older ({older.recipe.digest[:12]})"


def test_a_warm_start_from_another_architecture_is_refused(tmp_path: Path, painting: Path) -> None:
    file = tmp_path / "wider.safetensors"
    weights_file.save(file, small.model(painting, small.lively(width=8)))
    run = checkpoint.new_run(small.recipe(painting), small.CPU)
    with pytest.raises(TrainerError, match="wider: has another architecture"):
        run.warm_start(weights_file.load(file), "wider")


def test_a_warm_start_from_another_norm_is_refused(painting: Path) -> None:
    # All tensors of instance norm are among those of batch norm, but mean something else there.
    batch = small.model(painting, small.lively(width=4, norm="batch"))
    run = checkpoint.new_run(small.recipe(painting), small.CPU)
    with pytest.raises(TrainerError, match="batch: has another architecture"):
        run.warm_start(batch, "batch")
