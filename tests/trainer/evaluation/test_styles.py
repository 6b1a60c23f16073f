"""Comparing a network with optimisation."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from tests.support import small
from trainer.evaluation import gatys, styles
from trainer.evaluation.result_cache import ResultCache
from trainer.evaluation.styles import Descents, Losses, Style, deviation, mean
from trainer.networks.served import ServedStyleNet
from trainer.pretrained.vgg import VGG16

BY_HAND = Descents(
    size=256,
    untouched=[Losses(content=0, style=123456.0, total=123456.0)] * 3,
    network=[Losses(content=1000.5, style=2000.25, total=3000.75)] * 3,
    optimized=[[*[Losses(1.0, 9999.0, 10000.0)] * 41, *[Losses(2.0, 998.0, 1000.0)] * 59]] * 3,
)
UNMATCHED = replace(BY_HAND, network=[Losses(1.0, 1.0, 2.0)] * 3)


@pytest.fixture(scope="module")
def style(random_vgg: dict[str, Tensor], painting: Path) -> Style:
    model = small.model(painting, small.lively(width=4))
    recipe, network = styles.served_style("small", model)
    return Style.of(recipe, network, VGG16(random_vgg), torch.device("cpu"))


def losses(*totals: float) -> list[Losses]:
    return [Losses(content=0.0, style=total, total=total) for total in totals]


def test_the_table_has_a_row_for_each_method_and_the_conclusion() -> None:
    lines = BY_HAND.table().splitlines()
    assert lines[0].split() == ["content", "style", "total"]
    assert [line[:28].strip() for line in lines[1:-1]] == [
        "photograph",
        "network",
        "optimised, 10 iterations",
        "optimised, 50 iterations",
        "optimised, 100 iterations",
    ]
    assert [float(number) for number in lines[2][28:].split()] == [1000, 2000, 3001]
    assert lines[-1] == "the network equals 42 iterations of optimisation"


def test_a_network_that_was_never_matched_is_better_than_all_iterations() -> None:
    assert "more than 100 iterations" in UNMATCHED.table()


def test_milestones_that_were_not_reached_are_left_out() -> None:
    shorter = replace(BY_HAND, optimized=[[Losses(1.0, 2.0, 3.0)] * 12] * 3)
    assert list(shorter.at_milestones()) == [10]


def test_figures_are_rounded_to_four_digits() -> None:
    figures = BY_HAND.figures()
    assert (figures["photographs"], figures["size"]) == (3, 256)
    assert figures["untouched"] == {"content": 0, "style": 123500, "total": 123500}
    assert figures["network"]["total"] == 3001
    assert figures["optimized_100"]["content"] == 2
    assert figures["matched_at_iteration"] == 42
    assert "matched_at_iteration" not in UNMATCHED.figures()


@pytest.mark.parametrize(("network", "matched_at"), [(7.0, 1), (5.0, 2), (4.9, 3), (0.5, None)])
def test_a_network_is_matched_by_the_first_iteration_whose_mean_is_no_worse(
    network: float, matched_at: int | None
) -> None:
    optimized = [losses(8, 4, 1), losses(6, 6, 1)]  # means 7, 5, 1
    found = Descents(256, losses(9, 9), losses(network - 1, network + 1), optimized)
    assert found.matched_at == matched_at


def test_a_single_photograph_does_not_deviate() -> None:
    assert deviation(losses(3)) == 0
    assert deviation(losses(1, 3)) == pytest.approx(2**0.5)


def test_the_centre_of_a_photograph_is_evaluated(tmp_path: Path) -> None:
    stripes = np.zeros((40, 120, 3), np.uint8)
    stripes[:, 40:80] = 200
    file = small.save(stripes, tmp_path / "stripes.png")
    assert (styles.centre_crop(file, 40) == 200).all()
    assert styles.centre_crop(file, 40).shape == (1, 3, 40, 40)


def test_a_network_is_judged_by_the_bytes_that_it_serves(photograph: NDArray[np.uint8]) -> None:
    served = ServedStyleNet(small.lively())
    output = styles.stylize(served, small.as_tensor(photograph))
    pixels = torch.from_numpy(photograph)[None]
    with torch.no_grad():
        expected = served(pixels, torch.ones(1), torch.zeros(1))
    assert torch.equal(output, expected.permute(0, 3, 1, 2).float())


def test_photographs_are_measured_untouched_painted_and_after_each_iteration(
    style: Style, photographs: tuple[Path, ...], tmp_path: Path
) -> None:
    (found,) = styles.measure(style, photographs[:2], {48: 3}, ResultCache(tmp_path))
    assert found.size == 48
    assert mean(found.untouched).content == pytest.approx(0, abs=1e-6)

    def total(image: Tensor, file: Path) -> float:
        target = style.objective.content_target(styles.centre_crop(file, 48))
        with torch.no_grad():
            return style.objective(image, target).total.item()

    for i, file in enumerate(photographs[:2]):
        crop = styles.centre_crop(file, 48)
        painted = styles.stylize(style.network, crop)
        optimized = [gatys.optimize(style.objective, crop, n) for n in (1, 2, 3)]
        assert found.untouched[i].total == pytest.approx(total(crop, file))
        assert found.network[i].total == pytest.approx(total(painted, file))
        totals = [losses.total for losses in found.optimized[i]]
        assert totals == pytest.approx([total(image, file) for image in optimized])


def test_each_size_is_measured(style: Style, photographs: tuple[Path, ...], tmp_path: Path) -> None:
    found = styles.measure(style, photographs[:1], {32: 1, 48: 1}, ResultCache(tmp_path))
    assert [one.size for one in found] == [32, 48]
