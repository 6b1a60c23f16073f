"""Losses of photographs: untouched, by a network, by optimisation."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import stdev

from trainer.evaluation import Losses, matched_at, mean


@dataclass(frozen=True)
class Descents:
    """Losses of photographs at one size, each sequence in the order of the photographs."""

    size: int
    """Side of the square centre crops, pixels."""
    untouched: Sequence[Losses]
    network: Sequence[Losses]
    optimized: Sequence[Sequence[Losses]]
    """Of each photograph by iteration, the first is after iteration 1."""

    def by_iteration(self) -> list[Losses]:
        """Means over photographs."""
        return [mean(losses) for losses in zip(*self.optimized, strict=True)]

    @property
    def matched_at(self) -> int | None:
        """The first iteration whose mean total is no worse than the network's."""
        return matched_at(self.by_iteration(), mean(self.network))


def deviation(losses: Sequence[Losses]) -> float:
    """Standard deviation of the total over photographs, 0 for a single one."""
    return stdev(one.total for one in losses) if len(losses) > 1 else 0.0
