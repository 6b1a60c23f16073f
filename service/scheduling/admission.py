"""Admission control: load that cannot be answered in time is shed before more is spent on it."""

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.problems import DeadlinePassed, DeadlineUnreachable, Draining, QueueFull
from service.scheduling.batching import Shape

ModelT = TypeVar("ModelT", bound=Hashable)

CAUTION = 1.25
"""How much longer than predicted the queue may take. Under load each request would otherwise be
admitted at the very limit, and half of them be late, their time on the device lost."""

JITTER = 0.25
"""How much later than asked for, at most, a refused client is told to come back, so that those
who were refused together do not come back together."""


@dataclass(eq=False)
class Admission(Generic[ModelT]):
    """Work that was admitted at once: one image, or all tiles of one."""

    model: ModelT
    shape: Shape
    waiting: int
    """Images not yet on the device, submitted or still to come."""
    deadline: float | None
    """In the event loop's time."""
    running: int = 0
    """Images on the device."""

    @property
    def batch_key(self) -> tuple[ModelT, Shape]:
        return self.model, self.shape


@dataclass(frozen=True)
class QueueState:
    """The scheduler's queue when a request arrives; seconds are predicted."""

    draining: bool
    waiting_pixels: int
    ahead: float
    """Seconds until the device is free for the arrival."""
    drain: float
    """Seconds until all that was admitted is done."""
    idle: float
    """Seconds since the device last ran anything."""


@dataclass(frozen=True)
class Arrival:
    """A request that asks to be admitted; of no size while its body is unread."""

    pixels: int
    run: float
    """Seconds on the device, predicted."""
    left: float | None
    """Seconds until its deadline."""


def check(
    arrival: Arrival, state: QueueState, max_queue_pixels: int, random: Callable[[], float]
) -> None:
    """Raises Draining, QueueFull, DeadlinePassed or DeadlineUnreachable."""
    if state.draining:
        raise draining(state, random)
    retry_after = _retry_after(state, random)
    if state.waiting_pixels and state.waiting_pixels + arrival.pixels > max_queue_pixels:
        raise QueueFull("The queue is full.", retry_after=retry_after)
    if arrival.left is None:
        return
    if arrival.left <= 0:
        raise DeadlinePassed("The deadline passed before the image could be queued.")
    # Only a run can correct a prediction that refuses every run, so one is tried on a device that
    # has been idle for as long as the run would take.
    costs_nobody = state.ahead == 0 and state.idle >= arrival.run
    if CAUTION * state.ahead + arrival.run > arrival.left and not costs_nobody:
        raise DeadlineUnreachable(
            f"The answer takes about {state.ahead + arrival.run:.1f} s, "
            "longer than the request would wait.",
            retry_after=retry_after,
        )


def draining(state: QueueState, random: Callable[[], float]) -> Draining:
    """The refusal of a service that is shutting down."""
    return Draining("The service is shutting down.", retry_after=_retry_after(state, random))


def _retry_after(state: QueueState, random: Callable[[], float]) -> int:
    """Whole seconds until the queue is done, with jitter."""
    return max(1, math.ceil(state.drain * (1 + JITTER * random())))
