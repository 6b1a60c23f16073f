"""The fuzzers' targets, and their seeds: those are what a good request looks like."""

import pytest

from tests.hostile import fuzzing
from tests.hostile.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_taken(name: str) -> None:
    target = TARGETS[name]
    assert 200 in {target.attempt(seed) for seed in target.seeds()}


@pytest.mark.parametrize("name", TARGETS)
def test_random_changes_to_seeds_find_nothing(name: str) -> None:
    done = fuzzing.mutated(name, seconds=1)
    assert done.failure == ""
    assert done.statuses.total() > 0
