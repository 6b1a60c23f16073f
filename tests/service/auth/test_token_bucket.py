"""So much a minute."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.auth.token_bucket import TokenBucket


class Clock:
    seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_all_of_a_minute_may_be_taken_at_once_and_then_no_more() -> None:
    clock = Clock()
    bucket = TokenBucket(3, clock)
    assert [bucket.take(1) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(1) == pytest.approx(20)


def test_after_the_seconds_it_names_there_is_enough() -> None:
    clock = Clock()
    bucket = TokenBucket(60, clock)
    assert bucket.take(50) == 0
    wait = bucket.take(25)
    assert wait == pytest.approx(15)
    clock.seconds += wait - 0.1
    assert bucket.take(25) > 0
    clock.seconds += 0.2
    assert bucket.take(25) == 0


def test_nothing_is_saved_up_beyond_a_minute() -> None:
    clock = Clock()
    bucket = TokenBucket(10, clock)
    clock.seconds += 3600
    assert bucket.take(10) == 0
    assert bucket.take(1) > 0


def test_more_than_a_minutes_worth_is_taken_once_and_paid_off() -> None:
    clock = Clock()
    bucket = TokenBucket(60, clock)
    assert bucket.take(90) == 0
    assert bucket.take(0) == pytest.approx(30)
    clock.seconds += 31
    assert bucket.take(0) == 0
    assert bucket.take(90) == pytest.approx(59)


@given(
    per_minute=st.floats(1, 1000),
    asked=st.lists(st.tuples(st.floats(0, 30), st.floats(0.1, 100)), max_size=60),
)
def test_no_more_is_given_than_a_minutes_worth_and_what_time_brings(
    per_minute: float, asked: list[tuple[float, float]]
) -> None:
    clock = Clock()
    bucket = TokenBucket(per_minute, clock)
    given_out, largest = 0.0, 0.0
    for pause, amount in asked:
        clock.seconds += pause
        if bucket.take(amount) == 0:
            given_out += amount
            largest = max(largest, amount)
    elapsed = clock.seconds - Clock.seconds
    excess = max(0.0, largest - per_minute)  # a debt of what is larger than a minute's worth
    assert given_out <= per_minute * (1 + elapsed / 60) + excess + 1e-6
