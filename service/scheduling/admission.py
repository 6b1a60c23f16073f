"""Who may queue: what could not be answered in time is refused before more is spent on it."""

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.problems import DeadlinePassed, DeadlineUnreachable, Draining, QueueFull
from service.scheduling.batching import Shape

Model = TypeVar("Model", bound=Hashable)

CAUTION = 1.25
"""How much longer than predicted the queue may take. Under load each request would otherwise be
admitted at the very limit, and half of them be late, their time on the device lost."""

JITTER = 0.25
"""How much later than asked for, at most, a refused client is told to come back, so that those
who were refused together do not come back together."""


@dataclass(eq=False)
class Admission(Generic[Model]):
    """Work that was admitted at once: one image, or all tiles of one."""

    model: Model
    shape: Shape
    waiting: int
    """Images not yet on the device, submitted or still to come."""
    deadline: float | None
    """In the event loop's time."""
    running: int = 0
    """Images on the device."""

    @property
    def kind(self) -> tuple[Model, Shape]:
        return self.model, self.shape


@dataclass(frozen=True)
class Outlook:
    """What a newcomer finds; seconds are predicted."""

    draining: bool
    waiting_pixels: int
    ahead: float
    """Seconds until the device has time for the newcomer."""
    drain: float
    """Seconds until all that was admitted is done."""
    idle: float
    """Seconds for which the device has had nothing to do."""


@dataclass(frozen=True)
class Newcomer:
    """What asks to be admitted; of no size while its body is unread."""

    pixels: int
    run: float
    """Seconds on the device, predicted."""
    left: float | None
    """Seconds until its deadline."""


def check(
    newcomer: Newcomer, outlook: Outlook, max_queue_pixels: int, random: Callable[[], float]
) -> None:
    """Raises Draining, QueueFull, DeadlinePassed or DeadlineUnreachable."""
    retry_after = max(1, math.ceil(outlook.drain * (1 + JITTER * random())))
    if outlook.draining:
        raise Draining("The service is shutting down.", retry_after=retry_after)
    if outlook.waiting_pixels and outlook.waiting_pixels + newcomer.pixels > max_queue_pixels:
        raise QueueFull("The queue is full.", retry_after=retry_after)
    if newcomer.left is None:
        return
    if newcomer.left <= 0:
        raise DeadlinePassed("The deadline passed before the image could be queued.")
    # Only a run can correct a prediction that refuses every run, so one may be tried on a device
    # that nobody has needed for as long as it would take.
    costs_nobody = outlook.ahead == 0 and outlook.idle >= newcomer.run
    if CAUTION * outlook.ahead + newcomer.run > newcomer.left and not costs_nobody:
        raise DeadlineUnreachable(
            f"The answer takes about {outlook.ahead + newcomer.run:.1f} s, "
            "longer than the request would wait.",
            retry_after=retry_after,
        )
