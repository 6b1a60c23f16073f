"""Distillation: a student network learns to paint as its teacher does."""

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from tests.support import small
from trainer.images.photographs import read_rgb
from trainer.networks.style import StyleNet
from trainer.recipe import StylizeRecipe, StylizeStage
from trainer.training import checkpoint, loop


def stages(*, imitating: int, alone: int) -> tuple[StylizeStage, ...]:
    first = StylizeStage(steps=imitating, crop=32, batch=2, imitation=1)
    return (first, StylizeStage(steps=alone, crop=32, batch=2))


def student(
    painting: Path, imitating: int, alone: int, weight: float | None = 10.0
) -> StylizeRecipe:
    followed = small.recipe(painting)
    described = followed.model_dump() | {
        "teacher": "a wider network",
        "loss": followed.loss.model_dump() | {"imitation_weight": weight},
        "schedule": {
            "stages": stages(imitating=imitating, alone=alone),
            "peak_learning_rate": 1e-2,
        },
    }
    return StylizeRecipe.model_validate(described)


@torch.no_grad()
def difference(one: StyleNet, other: StyleNet, photographs: tuple[Path, ...]) -> float:
    images = [read_rgb(file, 64) for file in photographs]
    return sum((one(image) - other(image)).abs().mean().item() for image in images)


def test_a_student_comes_to_paint_as_its_teacher_does(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    teacher = small.lively(width=8)
    run = checkpoint.new_run(student(painting, imitating=60, alone=1), small.CPU)
    before = difference(run.network, teacher, photographs)
    options = small.options(tmp_path)
    loop.train(run, random_vgg, photographs, options, teacher)
    assert difference(run.network, teacher, photographs) < 0.8 * before


def test_the_losses_take_over_in_a_line(painting: Path) -> None:
    schedule = student(painting, imitating=3, alone=4).schedule
    shares = [schedule.imitation(step) for step in range(8)]
    assert shares == [1, 1, 1, 1, 0.75, 0.5, 0.25, 0]


def test_while_they_do_both_are_minimised(
    tmp_path: Path,
    painting: Path,
    photographs: tuple[Path, ...],
    random_vgg: dict[str, Tensor],
) -> None:
    run = checkpoint.new_run(student(painting, imitating=1, alone=2), small.CPU)
    loop.train(run, random_vgg, photographs, small.options(tmp_path), small.lively(width=8))
    losses = run.progress.losses
    assert losses["imitation"] > 0
    assert losses["style"] > 0


def test_to_imitate_takes_a_teacher_and_a_weight(painting: Path) -> None:
    with pytest.raises(ValidationError, match=r"takes a teacher and a loss\.imitation_weight"):
        student(painting, imitating=1, alone=1, weight=None)
