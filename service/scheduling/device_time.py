"""Device time: the share of the device's seconds that each of several concurrent batches uses.

While k batches run, each has a k-th of the device. So device seconds add up to seconds of the
clock, whichever batches run beside each other, and waiting work can be counted in them.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class Running:
    """A batch on the device."""

    pixels: int
    predicted: float
    """Device seconds."""
    used: float = 0.0
    """Device seconds until they were last counted."""


class DeviceTime:
    """Accounts for the batches on the device; ``clock`` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._running: list[Running] = []
        self._counted_until = self._free_since = clock()

    def start(self, pixels: int, predicted: float) -> Running:
        self._count()
        running = Running(pixels, predicted)
        self._running.append(running)
        return running

    def finish(self, running: Running) -> float:
        """The device seconds that the batch has used."""
        self._count()
        self._running.remove(running)
        self._free_since = self._counted_until
        return running.used

    @property
    def batches(self) -> int:
        return len(self._running)

    @property
    def pixels(self) -> int:
        return sum(running.pixels for running in self._running)

    def remaining_seconds(self) -> float:
        """Predicted seconds until all running batches are done."""
        # Changes nothing, on a copy: metrics are read in a thread of their own.
        batches = tuple(self._running)
        share = self._share(len(batches), self._clock())
        return sum(max(0.0, batch.predicted - batch.used - share) for batch in batches)

    def idle(self) -> float:
        """Seconds since anything last ran; 0 while something does."""
        return 0.0 if self._running else self._clock() - self._free_since

    def _count(self) -> None:
        now = self._clock()
        share = self._share(len(self._running), now)
        for running in self._running:
            running.used += share
        self._counted_until = now

    def _share(self, batches: int, now: float) -> float:
        """The device seconds of each of ``batches`` since they were last counted."""
        return (now - self._counted_until) / batches if batches else 0.0
