"""A token bucket, which limits a rate."""

import threading
import time
from collections.abc import Callable


class TokenBucket:
    """Allows ``per_minute``, and all of it at once after a minute in which nothing was taken.

    Thread-safe. ``clock`` gives seconds.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._capacity = self._level = per_minute
        self._per_second = per_minute / 60
        self._clock = clock
        self._filled_at = clock()
        self._lock = threading.Lock()

    def take(self, amount: float) -> float:
        """Takes the amount and returns 0; or takes nothing and returns the seconds until it can.

        More than a minute's worth is never there: it is taken from a full bucket and leaves a debt,
        until the end of which even an amount of 0 has to wait.
        """
        with self._lock:
            now = self._clock()
            refilled = self._level + (now - self._filled_at) * self._per_second
            self._level, self._filled_at = min(self._capacity, refilled), now
            missing = min(amount, self._capacity) - self._level
            if missing > 0:
                return missing / self._per_second
            self._level -= amount
            return 0.0
