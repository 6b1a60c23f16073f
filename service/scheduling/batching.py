"""Dynamic batching: how many images share a batch, and the queue delay of one that has room."""

import math
from dataclasses import dataclass

from service.scheduling.cost_model import CostModel

Shape = tuple[int, int]
"""Height and width in pixels."""

WORTHWHILE = 0.05
"""The share of an image's time that a batch has to save. For less, the first of n images would
wait for the work of n, and the last be done hardly sooner."""


@dataclass(frozen=True)
class Limits:
    """Limits of the queue and of one batch."""

    max_batch_size: int
    """Images a batch."""
    max_batch_pixels: int
    """Pixels a batch; a single image may exceed it and then runs alone."""
    max_queue_delay: float
    """Seconds that a request may wait for others to share its batch while the device is idle."""
    max_queue_pixels: int
    """Pixels that may wait; what goes beyond them is refused, unless nothing else waits."""

    def batch_size(self, shape: Shape) -> int:
        """Images of this shape that a batch may hold."""
        return min(self.max_batch_size, max(1, self.max_batch_pixels // math.prod(shape)))


def batch_size(cost: CostModel, limits: Limits, shape: Shape, available: int) -> int:
    """How many of the available images of one model and shape run together.

    As many as the limits allow, if that saves time an image; else one. The cost of batches is
    learned step by step: pairs first, then at most twice what has been seen to pay, so that finding
    out that nothing is gained costs one image the time of one other.
    """
    most = min(limits.batch_size(shape), available)
    smallest, largest = cost.batch_sizes
    if smallest == largest:  # with batches of one size, none can be told to be better
        return 1 if largest == 2 else min(most, 2)
    most = min(most, 2 * largest)
    return most if cost.gain(most, math.prod(shape)) >= WORTHWHILE else 1


def queue_delay(cost: CostModel, limits: Limits) -> float:
    """The queue delay: seconds that a batch with room waits for more images on an idle device.

    An image that arrives in time saves a batch; if none arrives, the delay was lost. So a batch
    waits no longer than one more image would save: waiting and not waiting then differ by at most
    that. On a device where batching gains nothing, and while nothing has been learned, it is 0.
    """
    return min(limits.max_queue_delay, cost.saved_by_joining)
