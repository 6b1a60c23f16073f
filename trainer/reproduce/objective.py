"""How many iterations of optimisation one pass of a network is worth, by size (paper, figure 5)."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple

from trainer.evaluation import Descents, Losses, deviation, mean
from trainer.reproduce.figures import losses_by_iteration
from trainer.reproduce.report import Cell, Report, table


def write(sizes: Sequence[Descents], report: Report) -> None:
    """All iterations as CSV, a panel a size as PNG, milestones as Markdown."""
    report.csv(
        ["size", "method", "iteration", "photographs", *Losses.__annotations__, "total_deviation"],
        [line for found in sizes for line in _lines(found)],
    )
    picture = report.picture(losses_by_iteration(sizes), "Total loss by iteration, a panel a size")
    report.markdown(picture, *_paragraphs(sizes))


def _lines(found: Descents) -> Iterator[list[Cell]]:
    methods: list[tuple[str, int | None, Sequence[Losses]]] = [
        ("photograph", None, found.untouched),
        ("network", None, found.network),
    ]
    by_iteration = zip(*found.optimized, strict=True)
    methods += [("optimised", n, losses) for n, losses in enumerate(by_iteration, 1)]
    for method, iteration, losses in methods:
        numbers = (*astuple(mean(losses)), deviation(losses))
        rounded = [float(f"{number:.6g}") for number in numbers]
        yield [found.size, method, iteration, len(losses), *rounded]


def _paragraphs(sizes: Sequence[Descents]) -> tuple[str, ...]:
    reached = sorted({n for found in sizes for n in found.at_milestones()})
    header = ["size", "photograph", *(f"optimised, {n}" for n in reached)]
    header += ["**network**", "equals iterations"]
    lines = []
    for found in sizes:
        at = {n: f"{losses.total:.3g}" for n, losses in found.at_milestones().items()}
        lines.append(
            [
                f"{found.size}x{found.size}",
                f"{mean(found.untouched).total:.3g}",
                *(at.get(n, "not run") for n in reached),
                f"**{mean(found.network).total:.3g}**",
                f"**{found.equals}**",
            ]
        )
    count = len(sizes[0].network)
    photographs = "photograph" if count == 1 else "photographs"
    return (
        f"Mean total loss over the centres of {count} {photographs}, untouched, optimised by so "
        "many iterations of L-BFGS, and after one pass of the network; the first iteration that "
        "is no worse than the network.",
        table(header, lines),
    )
