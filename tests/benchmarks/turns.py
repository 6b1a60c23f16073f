"""Jobs that take turns, so that a noisy machine disturbs all alike."""

import time
from collections.abc import Callable, Sequence
from statistics import median


def medians(jobs: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median seconds of each; a first turn, which is not counted, warms up."""
    turns = [[_seconds(job) for job in jobs] for _ in range(repeats + 1)][1:]
    return [median(taken) for taken in zip(*turns, strict=True)]


def _seconds(job: Callable[[], object]) -> float:
    start = time.perf_counter()
    job()
    return time.perf_counter() - start
