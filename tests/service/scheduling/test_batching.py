"""How many images share a batch, and how long a batch waits for more."""

from dataclasses import replace

import pytest

from service.scheduling.batching import Limits, batch_size, queue_delay
from service.scheduling.cost_model import CostModel

SMALL = (64, 64)
LARGE = (512, 512)
LIMITS = Limits(
    max_batch_size=8, max_batch_pixels=1 << 20, max_queue_delay=0.1, max_queue_pixels=1 << 30
)


def learned(
    *batches: int, shape: tuple[int, int] = SMALL, batch: float = 0.0, image: float = 0.0
) -> CostModel:
    """From batches of so many images on a device with this cost."""
    cost = CostModel()
    for images in batches:
        cost.learn(images, images * shape[0] * shape[1], batch + image * images)
    return cost


def test_a_batch_is_as_large_as_the_limits_allow_where_that_saves_time() -> None:
    cost = learned(1, 2, 4, batch=0.1, image=0.1)
    assert batch_size(cost, LIMITS, SMALL, available=20) == 8
    assert batch_size(cost, LIMITS, SMALL, available=3) == 3
    cost = learned(1, 2, 4, shape=LARGE, batch=0.1, image=0.1)
    assert batch_size(cost, LIMITS, LARGE, available=20) == 4, "1 << 20 pixels"


def test_an_image_beyond_the_pixels_of_a_batch_runs_alone() -> None:
    cost = learned(1, 2, 4, batch=0.1)
    assert batch_size(cost, LIMITS, (2048, 2048), available=20) == 1


def test_no_image_waits_for_the_work_of_another_where_that_saves_no_time() -> None:
    assert batch_size(learned(1, 2, image=0.1), LIMITS, SMALL, available=20) == 1
    assert batch_size(learned(1, 2, batch=0.005, image=0.1), LIMITS, SMALL, available=20) == 1


@pytest.mark.parametrize(
    ("seen", "tried"), [((), 2), ((1,), 2), ((1, 1, 1), 2), ((2, 2), 1), ((8, 8), 2)]
)
def test_another_batch_size_is_tried_while_there_was_only_one(
    seen: tuple[int, ...], tried: int
) -> None:
    assert batch_size(learned(*seen, image=0.1), LIMITS, SMALL, available=20) == tried


def test_a_batch_grows_to_twice_of_what_was_seen_at_most() -> None:
    assert batch_size(learned(1, 2, batch=0.1), LIMITS, SMALL, available=20) == 4
    assert batch_size(learned(1, 3, batch=0.1), LIMITS, SMALL, available=20) == 6


def test_a_batch_waits_no_longer_than_a_companion_would_save() -> None:
    assert queue_delay(learned(1, 2, batch=0.04, image=1.0), LIMITS) == pytest.approx(0.04, rel=0.1)


def test_a_batch_waits_no_longer_than_max_queue_delay() -> None:
    cost = learned(1, 2, batch=5.0)
    assert queue_delay(cost, LIMITS) == 0.1
    assert queue_delay(cost, replace(LIMITS, max_queue_delay=0)) == 0


def test_a_batch_does_not_wait_where_nothing_is_gained_or_known() -> None:
    assert queue_delay(learned(1, 2, image=0.1), LIMITS) == pytest.approx(0, abs=1e-4)
    assert queue_delay(learned(1, 1, batch=0.1), LIMITS) == pytest.approx(0, abs=1e-4)
    assert queue_delay(CostModel(), LIMITS) == 0
