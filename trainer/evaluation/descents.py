"""Losses of photographs, of a network's pictures, and of pictures while they are optimised."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import stdev
from typing import Any

from trainer.evaluation.gatys import Protocol
from trainer.losses import LossTerms

MILESTONES = (10, 50, 100, 500)
"""Iterations of optimisation that are reported."""


@dataclass(frozen=True)
class Losses:
    """Weighted losses of one photograph, or means over several."""

    content: float
    style: float
    total: float

    @classmethod
    def of(cls, terms: LossTerms) -> "Losses":
        return cls(terms.content.item(), terms.style.item(), terms.total.item())


def mean(losses: Sequence[Losses]) -> Losses:
    """Means over photographs."""
    count = len(losses)
    return Losses(
        content=sum(one.content for one in losses) / count,
        style=sum(one.style for one in losses) / count,
        total=sum(one.total for one in losses) / count,
    )


def deviation(losses: Sequence[Losses]) -> float:
    """Standard deviation of the total over photographs, 0 for a single one."""
    return stdev(one.total for one in losses) if len(losses) > 1 else 0.0


@dataclass(frozen=True)
class Descent:
    """Losses of photographs that are optimised by one protocol."""

    protocol: Protocol
    losses: Sequence[Sequence[Losses]]
    """A sequence for each photograph: its losses after each iteration, from the first."""

    def by_iteration(self) -> list[Losses]:
        """Means over photographs after each iteration, from the first."""
        return [mean(losses) for losses in zip(*self.losses, strict=True)]

    def at_milestones(self) -> dict[int, Losses]:
        """Means over photographs after each of MILESTONES that was reached."""
        by_iteration = self.by_iteration()
        return {n: by_iteration[n - 1] for n in MILESTONES if n <= len(by_iteration)}

    def matched_at(self, network: Sequence[Losses]) -> int | None:
        """The first iteration, from 1, whose mean total is no worse than the network's, if any."""
        wanted = mean(network).total
        numbered = enumerate(self.by_iteration(), 1)
        return next((n for n, losses in numbered if losses.total <= wanted), None)

    def equals(self, network: Sequence[Losses]) -> str:
        """``matched_at`` as text: a number, or "more than" all that were run."""
        matched = self.matched_at(network)
        return f"more than {len(self.by_iteration())}" if matched is None else str(matched)


@dataclass(frozen=True)
class Comparison:
    """Losses of photographs at one size, each sequence in the order of the photographs."""

    size: int
    """Side of the square centre crops, pixels."""
    untouched: Sequence[Losses]
    network: Sequence[Losses]
    optimized: Sequence[Descent]

    def figures(self) -> dict[str, Any]:
        """Means as plain numbers, rounded to four digits."""
        return {
            "photographs": len(self.network),
            "size": self.size,
            "untouched": _rounded(mean(self.untouched)),
            "network": _rounded(mean(self.network)),
            **{of.protocol.name.replace(" ", "_"): self._figures(of) for of in self.optimized},
        }

    def _figures(self, descent: Descent) -> dict[str, Any]:
        matched = descent.matched_at(self.network)
        return {
            **({} if matched is None else {"matched_at_iteration": matched}),
            **{f"optimized_{n}": _rounded(of) for n, of in descent.at_milestones().items()},
        }

    def table(self) -> str:
        """Means as text, a row for each method."""
        lines = [f"{'':48}{'content':>12}{'style':>12}{'total':>12}"]
        lines += [
            f"{name:48}{row.content:12.4g}{row.style:12.4g}{row.total:12.4g}"
            for name, row in self._rows()
        ]
        lines += [
            f"the network equals {of.equals(self.network)} iterations {of.protocol.name}, "
            f"{of.protocol.whose} protocol"
            for of in self.optimized
        ]
        return "\n".join(lines)

    def _rows(self) -> Iterator[tuple[str, Losses]]:
        yield "photograph", mean(self.untouched)
        yield "network", mean(self.network)
        for descent in self.optimized:
            for n, losses in descent.at_milestones().items():
                yield f"optimised {descent.protocol.name}, {n} iterations", losses


def _rounded(losses: Losses) -> dict[str, float]:
    return {name: float(f"{value:.4g}") for name, value in asdict(losses).items()}
