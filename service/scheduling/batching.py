"""Which of the waiting images share a batch, and how long a batch waits for more: what pays."""

import math
from dataclasses import dataclass

from service.scheduling.cost_model import CostModel

Shape = tuple[int, int]
"""Height and width in pixels."""

WORTHWHILE = 0.05
"""The share of an image's time that a batch has to save. For less, the first of n images would
wait for the work of n, and the last not leave noticeably sooner."""


@dataclass(frozen=True)
class Limits:
    """Bounds of the queue and of one batch."""

    max_batch_size: int
    """Images a batch."""
    max_batch_pixels: int
    """Pixels a batch; a single image may exceed it and then runs alone."""
    max_queue_delay: float
    """Seconds that a request may wait for companions while the device is idle."""
    max_queue_pixels: int
    """Pixels that may wait; what goes beyond them is refused, unless nothing else waits."""

    def batch_size(self, shape: Shape) -> int:
        """Images of this shape that a batch may hold."""
        return min(self.max_batch_size, max(1, self.max_batch_pixels // math.prod(shape)))


def batch_size(cost: CostModel, limits: Limits, shape: Shape, available: int) -> int:
    """How many of the available images of one model and shape run together.

    As many as the limits allow, if that saves time an image; else one. A device is learned step by
    step: pairs first, then never more than twice of what has been seen to pay, so that finding out
    that nothing is gained costs one image the time of one other.
    """
    most = min(limits.batch_size(shape), available)
    smallest, largest = cost.batch_sizes
    if smallest == largest:  # with batches of one size, none can be told to be better
        return 1 if largest == 2 else min(most, 2)
    most = min(most, 2 * largest)
    return most if cost.gain(most, math.prod(shape)) >= WORTHWHILE else 1


def patience(cost: CostModel, limits: Limits) -> float:
    """Seconds that a batch with room waits for companions while the device has nothing to do.

    A companion that comes spares the device a batch; one that does not come has cost the time
    waited. So a batch waits no longer than a companion would save: whatever comes, waiting and not
    having waited differ by no more than that. On a device where batching gains nothing, and while
    nothing has been learned, that is no time at all.
    """
    return min(limits.max_queue_delay, cost.saved_by_companion)
