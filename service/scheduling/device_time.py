"""How much of the device each batch uses, where several run at a time.

While k batches run, each has a k-th of the device. So seconds of the device add up to seconds of
the clock, whoever runs beside whom, and work that waits can be counted in them.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(eq=False)
class Running:
    """A batch on the device."""

    pixels: int
    predicted: float
    """Seconds of the device."""
    used: float = 0.0


class DeviceTime:
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
        """Seconds of the device that it has used."""
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

    def rest(self) -> float:
        """Seconds until all that runs is done, as predicted."""
        # Changes nothing, on a copy: metrics are read in a thread of their own.
        batches = tuple(self._running)
        share = self._share(len(batches), self._clock())
        return sum(max(0.0, batch.predicted - batch.used - share) for batch in batches)

    def idle(self) -> float:
        """Seconds for which nothing has run."""
        return 0.0 if self._running else self._clock() - self._free_since

    def _count(self) -> None:
        now = self._clock()
        share = self._share(len(self._running), now)
        for running in self._running:
            running.used += share
        self._counted_until = now

    def _share(self, batches: int, now: float) -> float:
        """Of each of so many batches, since they were last counted."""
        return (now - self._counted_until) / batches if batches else 0.0
