"""What a step of training a Painter minimises."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support import painters, small
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


def test_the_first_paintings_begin_and_the_others_join_them(painting: Path) -> None:
    recipe = painters.recipe(painting, first_paintings=1, first_steps=10)
    assert [recipe.joined(step) for step in (0, 9, 10)] == [1, 1, 2]


def test_paintings_that_have_not_joined_yet_have_no_gradient(
    painting: Path, random_vgg: dict[str, Tensor], images: Tensor
) -> None:
    recipe = painters.recipe(painting, first_paintings=1, first_steps=10)
    task = Painting(recipe.build(), recipe, random_vgg, small.CPU)
    task(images, 5)["total"].backward()
    assert task.network.common.grad is not None
    assert (task.network.common.grad.abs().sum(dim=(1, 2)) > 0).tolist() == [True, False]


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
