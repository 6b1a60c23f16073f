"""What a batch takes, learned from batches whose cost is known."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.scheduling.cost_model import WINDOW, CostModel

SIDES = (64, 128, 256, 512)
counts = st.integers(1, 32)
pixel_counts = st.integers(1, 1 << 22)
histories = st.lists(st.tuples(counts, pixel_counts, st.floats(0, 100)), max_size=2 * WINDOW)


def learned(*batches: tuple[int, int, float]) -> CostModel:
    cost = CostModel()
    for images, pixels, seconds in batches:
        cost.learn(images, pixels * images, seconds)
    return cost


def test_nothing_learned_predicts_nothing_and_gains_nothing() -> None:
    cost = CostModel()
    assert cost.seconds(8, 1 << 20) == 0
    assert cost.gain(8, 1 << 17) == 0
    assert cost.saved_by_joining == 0
    assert cost.batch_sizes == (0, 0)


def test_one_batch_makes_a_pace_by_pixels() -> None:
    cost = learned((1, 4096, 0.5))
    assert cost.seconds(1, 4096) == pytest.approx(0.5, rel=0.01)
    assert cost.seconds(1, 4 * 4096) == pytest.approx(2.0, rel=0.01)
    assert cost.seconds(3, 3 * 4096) == pytest.approx(1.5, rel=0.01)


def test_a_batch_size_that_never_varied_says_nothing_of_what_batching_gains() -> None:
    for images in (1, 8):
        cost = learned(*[(images, 4096, 0.5)] * 20)
        assert cost.batch_sizes == (images, images)
        assert cost.gain(8, 4096) == pytest.approx(0, abs=0.01)


def test_batches_that_take_as_long_as_single_images_gain() -> None:
    cost = learned((1, 4096, 0.5), (4, 4096, 0.5))
    assert cost.gain(4, 4096) == pytest.approx(0.75, abs=0.01)
    assert cost.saved_by_joining == pytest.approx(0.5, rel=0.01)


def test_batches_that_take_as_long_as_their_images_alone_gain_nothing() -> None:
    cost = learned((1, 4096, 0.5), (4, 4096, 2.0))
    assert cost.gain(8, 4096) == pytest.approx(0, abs=0.01)
    assert cost.saved_by_joining == pytest.approx(0, abs=0.01)


def test_what_batching_gains_is_little_for_large_images() -> None:
    cost = learned((1, 64**2, 0.011), (8, 64**2, 0.081), (1, 512**2, 0.641), (2, 512**2, 1.281))
    assert cost.gain(8, 64**2) == pytest.approx(0.08, abs=0.02)
    assert cost.gain(8, 512**2) < 0.01


def test_one_batch_that_took_a_hundred_times_as_long_leaves_no_trace() -> None:
    cost = learned(*[(1, 4096, 0.5)] * 9, (1, 4096, 50.0))
    assert cost.seconds(1, 4096) == pytest.approx(0.5, rel=0.05)


def test_a_device_that_becomes_slower_is_followed() -> None:
    cost = learned(*[(1, 4096, 0.5)] * WINDOW, *[(1, 4096, 1.0)] * WINDOW)
    assert cost.seconds(1, 4096) == pytest.approx(1.0, rel=0.01)


def test_a_clock_that_did_not_move_is_no_harm() -> None:
    assert learned((1, 4096, 0.0)).seconds(1, 4096) == pytest.approx(0, abs=1e-5)


@given(histories, counts, counts, pixel_counts, pixel_counts)
def test_predictions_are_never_negative_and_more_work_never_takes_less(
    history: list[tuple[int, int, float]],
    images: int,
    more_images: int,
    pixels: int,
    more_pixels: int,
) -> None:
    cost = learned(*history)
    seconds = cost.seconds(images, pixels)
    assert seconds >= 0
    assert cost.seconds(images + more_images, pixels) >= seconds
    assert cost.seconds(images, pixels + more_pixels) >= seconds
    assert cost.seconds(images, pixels, batches=2) >= seconds
    assert -1e-9 <= cost.gain(images, pixels) <= 1


@given(
    a=st.floats(0, 0.02),
    b=st.floats(0, 0.01),
    c=st.floats(1e-8, 1e-5),
    noise=st.floats(0, 0.1),
    seed=st.integers(0, 1 << 32),
)
def test_a_known_cost_is_found_through_noise(
    a: float, b: float, c: float, noise: float, seed: int
) -> None:
    chance = random.Random(seed)
    cost = CostModel()

    def truth(images: int, pixels: int) -> float:
        return a + b * images + c * pixels

    for _ in range(WINDOW):
        images, side = chance.choice([1, 2, 4, 8]), chance.choice(SIDES)
        pixels = images * side * side
        outlier = 20 if chance.random() < 0.02 else 1
        seconds = truth(images, pixels) * chance.lognormvariate(0, noise) * outlier
        cost.learn(images, pixels, seconds)

    for images in (1, 2, 4, 8):
        for side in SIDES:
            pixels = images * side * side
            expected = truth(images, pixels)
            assert cost.seconds(images, pixels) == pytest.approx(expected, rel=0.02 + 2 * noise)
