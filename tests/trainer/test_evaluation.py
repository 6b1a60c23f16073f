"""Comparing a network with optimisation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.trainer import small
from trainer import data, evaluation, gatys
from trainer.evaluation import Evaluation, Losses
from trainer.losses import PerceptualLoss
from trainer.networks import ServedStyleNet
from trainer.vgg import VGG16

BY_HAND = Evaluation(
    photographs=3,
    size=256,
    untouched=Losses(content=0, style=123456.0, total=123456.0),
    network=Losses(content=1000.5, style=2000.25, total=3000.75),
    optimized={10: Losses(1.0, 9999.0, 10000.0), 100: Losses(2.0, 998.0, 1000.0)},
    matched_at=42,
)


@pytest.fixture(scope="module")
def objective(random_vgg: dict[str, Tensor], painting: Path) -> PerceptualLoss:
    return PerceptualLoss(VGG16(random_vgg), data.read_rgb(painting, 64), small.LOSS)


def test_the_table_has_a_row_for_each_method_and_the_conclusion() -> None:
    lines = BY_HAND.table().splitlines()
    assert lines[0].split() == ["content", "style", "total"]
    assert [line[:28].strip() for line in lines[1:-1]] == [
        "photograph",
        "network",
        "optimised, 10 iterations",
        "optimised, 100 iterations",
    ]
    assert [float(number) for number in lines[2][28:].split()] == [1000, 2000, 3001]
    assert lines[-1] == "the network equals 42 iterations of optimisation"


def test_a_network_that_was_never_matched_is_better_than_the_last_milestone() -> None:
    unmatched = {**vars(BY_HAND), "matched_at": None}
    assert "more than 100 iterations" in Evaluation(**unmatched).table()
    shorter = {**unmatched, "optimized": {5: Losses(1.0, 9999.0, 10000.0)}}
    assert "more than 5 iterations" in Evaluation(**shorter).table()


def test_figures_are_rounded_to_four_digits() -> None:
    figures = BY_HAND.figures()
    assert figures["untouched"] == {"content": 0, "style": 123500, "total": 123500}
    assert figures["network"]["total"] == 3001
    assert figures["optimized_100"]["content"] == 2
    assert figures["matched_at_iteration"] == 42
    assert (
        "matched_at_iteration" not in Evaluation(**{**vars(BY_HAND), "matched_at": None}).figures()
    )


def test_the_centre_of_a_photograph_is_evaluated(tmp_path: Path) -> None:
    stripes = np.zeros((40, 120, 3), np.uint8)
    stripes[:, 40:80] = 200
    file = small.save(stripes, tmp_path / "stripes.png")
    assert (evaluation.centre_crop(file, 40) == 200).all()
    assert evaluation.centre_crop(file, 40).shape == (1, 3, 40, 40)


def test_a_network_is_judged_by_the_bytes_that_it_serves(photograph: NDArray[np.uint8]) -> None:
    served = ServedStyleNet(small.lively())
    output = evaluation.stylize(served, small.as_tensor(photograph))
    pixels = torch.from_numpy(photograph)[None]
    with torch.no_grad():
        expected = served(pixels, torch.ones(1), torch.zeros(1))
    assert torch.equal(output, expected.permute(0, 3, 1, 2).float())


def test_evaluating_a_photograph_from_end_to_end(
    objective: PerceptualLoss, photographs: tuple[Path, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "MILESTONES", (1, 2, 3))
    served = ServedStyleNet(small.lively(width=4))
    heard: list[None] = []
    found = evaluation.evaluate(served, objective, photographs[:2], 48, lambda: heard.append(None))

    assert (found.photographs, found.size) == (2, 48)
    assert len(heard) == 2 * 3
    assert found.untouched.content == pytest.approx(0, abs=1e-6)
    assert list(found.optimized) == [1, 2, 3]
    assert found.optimized[3].total < found.optimized[1].total < found.untouched.total

    def total(image: Tensor, file: Path) -> float:
        target = objective.content_target(evaluation.centre_crop(file, 48))
        with torch.no_grad():
            return objective(image, target).total.item()

    crops = {file: evaluation.centre_crop(file, 48) for file in photographs[:2]}
    stylized = [total(evaluation.stylize(served, crop), file) for file, crop in crops.items()]
    optimized = [total(gatys.optimize(objective, crop, 2), file) for file, crop in crops.items()]
    assert found.network.total == pytest.approx(sum(stylized) / 2)
    assert found.optimized[2].total == pytest.approx(sum(optimized) / 2)


@pytest.mark.parametrize(("iterations", "matched_at"), [(1, 1), (2, 2), (5, None)])
def test_the_network_equals_the_first_iteration_that_is_no_worse(
    iterations: int,
    matched_at: int | None,
    objective: PerceptualLoss,
    photographs: tuple[Path, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evaluation, "MILESTONES", (1, 2, 3))
    crop = evaluation.centre_crop(photographs[0], 32)
    as_good = gatys.optimize(objective, crop, iterations)
    monkeypatch.setattr(evaluation, "stylize", lambda *_: as_good)
    network = ServedStyleNet(small.lively(width=4))
    found = evaluation.evaluate(network, objective, photographs[:1], 32, lambda: None)
    assert found.matched_at == matched_at
