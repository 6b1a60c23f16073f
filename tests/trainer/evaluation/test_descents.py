"""Losses while pictures are optimised, and when they equal a network's."""

from dataclasses import replace

import pytest

from trainer.evaluation.descents import Comparison, Descent, Losses, deviation
from trainer.evaluation.gatys import FROM_NOISE, FROM_PHOTOGRAPH

SLOWLY = [*[Losses(1.0, 9999.0, 10000.0)] * 41, *[Losses(2.0, 998.0, 1000.0)] * 59]
BY_HAND = Comparison(
    size=256,
    untouched=[Losses(content=0, style=123456.0, total=123456.0)] * 3,
    network=[Losses(content=1000.5, style=2000.25, total=3000.75)] * 3,
    optimized=[
        Descent(FROM_NOISE, [[Losses(1.0, 4000.0, 4001.0)] * 12] * 3),
        Descent(FROM_PHOTOGRAPH, [SLOWLY] * 3),
    ],
)
UNMATCHED = replace(BY_HAND, network=[Losses(1.0, 1.0, 2.0)] * 3)


def losses(*totals: float) -> list[Losses]:
    return [Losses(content=0.0, style=total, total=total) for total in totals]


def test_the_table_has_a_row_for_each_method_and_a_conclusion_for_each_protocol() -> None:
    lines = BY_HAND.table().splitlines()
    assert lines[0].split() == ["content", "style", "total"]
    assert [line[:48].strip() for line in lines[1:-2]] == [
        "photograph",
        "network",
        "optimised from noise, 10 iterations",
        "optimised from the photograph, 10 iterations",
        "optimised from the photograph, 50 iterations",
        "optimised from the photograph, 100 iterations",
    ]
    assert [float(number) for number in lines[2][48:].split()] == [1000, 2000, 3001]
    assert lines[-2:] == [
        "the network equals more than 12 iterations from noise, the authors' protocol",
        "the network equals 42 iterations from the photograph, our protocol",
    ]


def test_a_network_that_was_never_matched_is_better_than_all_iterations() -> None:
    assert "more than 100 iterations" in UNMATCHED.table()


def test_milestones_that_were_not_reached_are_left_out() -> None:
    assert list(BY_HAND.optimized[0].at_milestones()) == [10]


def test_figures_are_rounded_to_four_digits() -> None:
    figures = BY_HAND.figures()
    assert (figures["photographs"], figures["size"]) == (3, 256)
    assert figures["untouched"] == {"content": 0, "style": 123500, "total": 123500}
    assert figures["network"]["total"] == 3001
    assert figures["from_noise"] == {"optimized_10": {"content": 1, "style": 4000, "total": 4001}}
    assert figures["from_the_photograph"]["optimized_100"]["content"] == 2
    assert figures["from_the_photograph"]["matched_at_iteration"] == 42
    assert "matched_at_iteration" not in UNMATCHED.figures()["from_the_photograph"]


@pytest.mark.parametrize(("network", "matched_at"), [(7.0, 1), (5.0, 2), (4.9, 3), (0.5, None)])
def test_a_network_is_matched_by_the_first_iteration_whose_mean_is_no_worse(
    network: float, matched_at: int | None
) -> None:
    optimized = Descent(FROM_NOISE, [losses(8, 4, 1), losses(6, 6, 1)])  # means 7, 5, 1
    assert optimized.matched_at(losses(network - 1, network + 1)) == matched_at


def test_a_single_photograph_does_not_deviate() -> None:
    assert deviation(losses(3)) == 0
    assert deviation(losses(1, 3)) == pytest.approx(2**0.5)
