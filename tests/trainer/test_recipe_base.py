"""The course of a training run: stages, learning rate, weight of the style."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import small
from trainer import recipe
from trainer.recipe import StylizeRecipe, StylizeScheduleRecipe, StylizeStage

STAGES = st.lists(
    st.builds(
        StylizeStage,
        steps=st.integers(1, 5000),
        crop=st.integers(8, 128).map(lambda n: 4 * n),
        batch=st.integers(1, 16),
    ),
    min_size=1,
    max_size=5,
)


@given(planned=STAGES, steps=st.integers(1, 20_000))
def test_another_number_of_steps_is_met_exactly_in_the_same_proportions(
    planned: list[StylizeStage], steps: int
) -> None:
    original = small.recipe(Path("painting.png"), stages=tuple(planned))
    changed = original.with_steps(steps)

    assert changed.schedule.steps == steps
    kept = list(changed.schedule.stages)
    for stage in planned:
        share = stage.steps * steps / original.schedule.steps
        same = kept and (kept[0].crop, kept[0].batch) == (stage.crop, stage.batch)
        if same and abs(kept[0].steps - share) <= 1:
            kept.pop(0)
        else:
            assert share <= 1, "a stage is left out only if less than a step of it is left"
    assert not kept
    assert StylizeRecipe.model_validate(changed.model_dump()) == changed


def test_the_steps_that_a_recipe_has_change_nothing() -> None:
    shipped = recipe.load("wave")
    assert shipped.with_steps(shipped.schedule.steps) == shipped


def schedule(steps: int, warmup: float) -> StylizeScheduleRecipe:
    return StylizeScheduleRecipe(stages=small.stages(steps), peak_learning_rate=2e-3, warmup=warmup)


@given(steps=st.integers(50, 400), warmup=st.sampled_from([0.0, 0.05, 0.3]))
def test_learning_rate_rises_to_its_peak_and_falls_to_zero(steps: int, warmup: float) -> None:
    followed = schedule(steps, warmup)
    rates = [followed.learning_rate(step) for step in range(steps)]
    top = rates.index(max(rates))

    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert top / steps == pytest.approx(warmup, abs=1 / steps)
    assert followed.peak_learning_rate * 0.9 < rates[top] <= followed.peak_learning_rate
    assert 0 < rates[-1] < 0.001 * followed.peak_learning_rate


@given(steps=st.integers(100, 400), warmup=st.sampled_from([0.0, 0.05, 0.3]))
def test_learning_rate_is_half_its_peak_on_average(steps: int, warmup: float) -> None:
    followed = schedule(steps, warmup)
    mean = math.fsum(followed.learning_rate(step) for step in range(steps)) / steps
    assert mean == pytest.approx(followed.peak_learning_rate / 2, rel=0.01)


def styled(*stages: tuple[int, float]) -> StylizeScheduleRecipe:
    """A schedule of stages with these steps and style scales."""
    return StylizeScheduleRecipe(
        stages=tuple(StylizeStage(steps=n, crop=32, batch=1, style_scale=s) for n, s in stages),
        peak_learning_rate=1e-3,
    )


def test_the_style_weighs_the_same_all_along_unless_said_otherwise() -> None:
    plain = StylizeScheduleRecipe(stages=small.stages(3, 4), peak_learning_rate=1e-3)
    assert [plain.style_scale(step) for step in range(7)] == [1.0] * 7


def test_the_style_weighs_more_from_stage_to_stage_in_lines() -> None:
    followed = styled((2, 0.5), (4, 1.0), (2, 3.0))
    scales = [followed.style_scale(step) for step in range(8)]
    assert scales == [0.5, 0.5, 0.5, 0.625, 0.75, 0.875, 1.0, 2.0]


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0.1, 2.0)), min_size=1, max_size=4))
def test_each_stage_brings_the_style_weight_to_its_own(stages: list[tuple[int, float]]) -> None:
    followed = styled(*stages)
    begin, before = 0, stages[0][1]
    for steps, after in stages:
        assert followed.style_scale(begin) == pytest.approx(before)
        assert followed.style_scale(begin + steps) == pytest.approx(after)
        for step in range(begin, begin + steps):
            assert min(before, after) - 1e-9 <= followed.style_scale(step)
            assert followed.style_scale(step) <= max(before, after) + 1e-9
        begin, before = begin + steps, after
