"""Who may queue, by what is predicted."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.problems import DeadlinePassed, DeadlineUnreachable, Draining, Problem, QueueFull
from service.scheduling.admission import CAUTION, JITTER, Arrival, QueueState, check

IDLE = QueueState(draining=False, waiting_pixels=0, ahead=0.0, drain=0.0, idle=0.0)
BUSY = replace(IDLE, waiting_pixels=500, ahead=4.0, drain=10.0)
IMAGE = Arrival(pixels=100, run=1.0, left=None)
MAX_PIXELS = 1000


def refusal(arrival: Arrival, state: QueueState, chance: float = 0.0) -> Problem | None:
    try:
        check(arrival, state, MAX_PIXELS, lambda: chance)
    except Problem as problem:
        return problem
    return None


def test_who_has_room_and_time_is_admitted() -> None:
    assert refusal(IMAGE, IDLE) is None
    assert refusal(replace(IMAGE, left=4.0 * CAUTION + 1.0), BUSY) is None


def test_pixels_beyond_the_queue_s_are_refused() -> None:
    assert refusal(replace(IMAGE, pixels=500), BUSY) is None
    assert isinstance(refusal(replace(IMAGE, pixels=501), BUSY), QueueFull)


def test_an_image_larger_than_the_whole_queue_is_taken_when_nothing_waits() -> None:
    assert refusal(replace(IMAGE, pixels=9 * MAX_PIXELS), IDLE) is None


def test_who_could_be_answered_only_after_the_deadline_is_refused() -> None:
    late = replace(IMAGE, left=4.0 * CAUTION + 0.9)
    assert isinstance(refusal(late, BUSY), DeadlineUnreachable)
    own_run = replace(IMAGE, left=0.9)
    assert isinstance(refusal(own_run, IDLE), DeadlineUnreachable)
    unread = Arrival(pixels=0, run=0.0, left=3.9)
    assert isinstance(refusal(unread, BUSY), DeadlineUnreachable)


def test_what_seems_to_take_too_long_is_tried_on_a_device_idle_for_as_long() -> None:
    """A wrong prediction that refused every request could never be corrected."""
    own_run = replace(IMAGE, left=0.9)
    assert refusal(own_run, replace(IDLE, idle=1.0)) is None


def test_a_deadline_that_has_passed_is_refused_as_such() -> None:
    assert isinstance(refusal(replace(IMAGE, left=0.0), IDLE), DeadlinePassed)


def test_nobody_is_admitted_while_draining() -> None:
    assert isinstance(refusal(IMAGE, replace(IDLE, draining=True)), Draining)


@pytest.mark.parametrize(("drain", "seconds"), [(0.0, 1), (0.2, 1), (3.0, 3), (3.1, 4)])
def test_the_refused_are_told_in_whole_seconds_when_the_queue_will_be_empty(
    drain: float, seconds: int
) -> None:
    refused = refusal(replace(IMAGE, pixels=MAX_PIXELS), replace(BUSY, drain=drain))
    assert refused is not None
    assert refused.retry_after == seconds


@given(st.floats(0, 1, exclude_max=True))
def test_the_refused_do_not_all_come_back_at_once(chance: float) -> None:
    refused = refusal(replace(IMAGE, pixels=MAX_PIXELS), replace(BUSY, drain=100.0), chance)
    assert refused is not None
    assert refused.retry_after == pytest.approx(100 * (1 + JITTER * chance), abs=1)
