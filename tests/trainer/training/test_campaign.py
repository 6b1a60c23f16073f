"""A long training goes on elsewhere from what is kept of it."""

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.support import painters, small
from trainer.errors import TrainerError
from trainer.networks.painter import Painter
from trainer.training import campaign, checkpoint, loop


def test_a_kept_run_goes_on_with_its_weights_moments_and_progress(
    painting: Path, random_vgg: dict[str, Tensor], photographs: Sequence[Path], tmp_path: Path
) -> None:
    run = small.trained(painters.recipe(painting), random_vgg, photographs, tmp_path / "run")
    campaign.keep(run, loop.trained_model(run), tmp_path, "gallery")
    restored = campaign.restore(tmp_path, "gallery", small.CPU)
    assert restored.progress.step == 4
    assert restored.progress.images == 8
    assert restored.recipe == run.recipe
    parameters = zip(run.network.named_parameters(), restored.network.parameters(), strict=True)
    for (name, one), other in parameters:
        assert torch.equal(one, other), name
        remembered = restored.optimizer.state[other]["exp_avg_sq"]
        expected = run.optimizer.state[one]["exp_avg_sq"]
        torch.testing.assert_close(remembered, expected, rtol=0.01, atol=0)

    longer = painters.recipe(painting, stages=[{"steps": 6, "crop": 64, "batch": 2}])
    restored.follow(longer)
    loop.train(restored, random_vgg, photographs, small.options(tmp_path / "elsewhere"))
    assert restored.progress.step == 6


def test_a_run_does_not_follow_a_recipe_of_another_gallery(painting: Path) -> None:
    recipe = painters.recipe(painting)
    run = checkpoint.new_run(recipe, small.CPU)
    with pytest.raises(TrainerError, match="another network or gallery"):
        run.follow(recipe.model_copy(update={"strokes": (64,)}))


def test_what_was_never_kept_cannot_be_restored(tmp_path: Path) -> None:
    assert not campaign.kept(tmp_path, "gallery")
    with pytest.raises(TrainerError, match=r"gallery\.safetensors"):
        campaign.restore(tmp_path, "gallery", small.CPU)


def test_what_no_stage_has_trained_yet_is_kept_without_moments(
    painting: Path, tmp_path: Path
) -> None:
    run = checkpoint.new_run(painters.recipe(painting), small.CPU)
    assert isinstance(run.network, Painter)
    run.network.common_rows.sum().backward()
    run.optimizer.step()
    campaign.keep(run, loop.trained_model(run), tmp_path, "small")
    restored = campaign.restore(tmp_path, "small", small.CPU)
    assert isinstance(restored.network, Painter)
    assert restored.optimizer.state[restored.network.common]
    assert not restored.optimizer.state[restored.network.own]
