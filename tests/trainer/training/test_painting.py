"""What a step of training a Painter minimises."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support import painters, small
from trainer.painter_recipe import PainterRecipe
from trainer.training.painting import Painting


@pytest.fixture
def task(painting: Path, random_vgg: dict[str, Tensor]) -> Painting:
    recipe = painters.recipe(painting)
    return Painting(painters.lively(rows=4), recipe, random_vgg, small.CPU)


@pytest.fixture
def images(photograph: NDArray[np.uint8]) -> Tensor:
    image = small.as_tensor(photograph[:64, :64])
    return torch.cat([image, image.flip(3)])


def test_the_total_is_the_sum_of_the_terms(task: Painting, images: Tensor) -> None:
    losses = task(images, 1)
    total = losses.pop("total")
    torch.testing.assert_close(total, torch.stack(list(losses.values())).sum())
    assert all(loss >= 0 for loss in losses.values())


def test_a_step_is_a_function_of_its_number(task: Painting, images: Tensor) -> None:
    assert torch.equal(task(images, 7)["total"], task(images, 7)["total"])
    assert not torch.equal(task(images, 7)["total"], task(images, 8)["total"])


def test_gradients_reach_the_body_and_the_rows_that_painted(task: Painting, images: Tensor) -> None:
    task(images, 0)["total"].backward()
    assert task.network.own.grad is not None
    touched = task.network.own.grad.abs().sum(dim=2) > 0
    assert touched.sum() == len(images)
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for p in task.network.body.parameters()
    )


def test_the_photograph_is_drawn_first_and_without_a_style(task: Painting, images: Tensor) -> None:
    named = [task(images, step) for step in (0, 9)]
    assert named[0]["content"] == named[0]["style"] == named[1]["drawing"] == 0
    assert named[0]["drawing"] > 0
    assert named[1]["style"] > 0


def staged(painting: Path, **stage: Any) -> PainterRecipe:
    stages = [
        {"steps": 10, "crop": 64, "batch": 2, **stage},
        {"steps": 10, "crop": 64, "batch": 2},
    ]
    return painters.recipe(painting, stages=stages)


def trained(recipe: PainterRecipe, step: int) -> list[int]:
    return list(recipe.trained_rows(recipe.schedule.stage(step)))


def test_a_stage_trains_all_rows_or_those_of_the_first_paintings_and_the_middle_stroke(
    painting: Path,
) -> None:
    assert trained(staged(painting), 0) == [0, 1, 2, 3]
    assert trained(staged(painting, paintings=1), 0) == [0, 1]
    assert trained(staged(painting, one_stroke=True), 9) == [1, 3]
    assert trained(staged(painting, paintings=1, one_stroke=True), 10) == [0, 1, 2, 3]


def test_where_one_stroke_is_trained_what_strokes_have_in_common_is(
    painting: Path, random_vgg: dict[str, Tensor], images: Tensor
) -> None:
    recipe = staged(painting, paintings=1, one_stroke=True)
    network = recipe.build()
    Painting(network, recipe, random_vgg, small.CPU)(images, 5)["total"].backward()
    assert network.common.grad is not None
    assert (network.common.grad.abs().sum(dim=(1, 2)) > 0).tolist() == [True, False]
    assert network.own.grad is None


def test_only_in_a_steady_stage_pictures_should_move_as_photographs_do(
    painting: Path, random_vgg: dict[str, Tensor], images: Tensor
) -> None:
    recipe = staged(painting, steady=False)
    task = Painting(painters.enlivened(recipe.build()), recipe, random_vgg, small.CPU)
    assert task(images, 9)["consistency"] == 0
    assert task(images, 10)["consistency"] > 0


def test_drawing_fades_out(painting: Path) -> None:
    schedule = painters.recipe(painting, drawing_steps=10).schedule
    assert [schedule.drawing(step) for step in (0, 10, 15, 20, 99)] == [1, 1, 0.5, 0, 0]


def test_style_weighs_more_as_training_goes_on(painting: Path) -> None:
    schedule = painters.recipe(painting).schedule
    assert [schedule.style_scale(step) for step in (0, 2, 4, 9)] == [0.25, 0.625, 1, 1]


def test_the_learning_rate_rises_stays_and_falls_at_the_end(painting: Path) -> None:
    stages = [{"steps": 1000, "crop": 64, "batch": 2}]
    schedule = painters.recipe(painting, stages=stages, warmup=0.1).schedule
    rates = [schedule.learning_rate(step) for step in range(1000)]
    assert rates[:100] == sorted(rates[:100])
    assert set(rates[100:750]) == {1e-3}
    assert rates[750:] == sorted(rates[750:], reverse=True)
    assert rates[-1] < 1e-7


def test_a_preview_shows_the_photograph_and_some_rows(task: Painting, images: Tensor) -> None:
    shown = task.shown(images[:1])
    assert shown.shape == (1, 3, 5 * 64, 64)
    assert torch.equal(shown[..., :64, :], images[:1])
