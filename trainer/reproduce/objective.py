"""Figure 5: how many iterations of optimisation one pass of a network equals, by size."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from io import BytesIO

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from PIL import Image

from trainer.evaluation.styles import Descents, Losses, deviation, mean
from trainer.reproduce.report import Cell, Report, table

GREY, BLUE, LIGHT = "#555555", "#1f6fb4", "#aaaaaa"


def write(sizes: Sequence[Descents], report: Report) -> None:
    """Write all iterations as CSV, a plot by size as PNG, milestones as Markdown."""
    report.csv(
        ["size", "method", "iteration", "photographs", *Losses.__annotations__, "total_deviation"],
        [line for found in sizes for line in _lines(found)],
    )
    picture = report.picture(_losses_by_iteration(sizes), "Total loss by iteration, a panel a size")
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


def _losses_by_iteration(sizes: Sequence[Descents]) -> Image.Image:
    """A plot with a panel for each size: loss by iteration, and of one pass of the network."""
    figure = Figure(figsize=(1.2 + 3.1 * len(sizes), 3.2), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for axes, found in zip(panels, sizes, strict=True):
        by_iteration = found.by_iteration()
        iterations = range(len(by_iteration) + 1)
        losses = [found.untouched, *zip(*found.optimized, strict=True)]
        means = [mean(one).total for one in losses]
        spreads = [deviation(one) for one in losses]
        low = [max(m - s, m / 10) for m, s in zip(means, spreads, strict=True)]
        high = [m + s for m, s in zip(means, spreads, strict=True)]
        axes.fill_between(iterations, low, high, color=GREY, alpha=0.15, linewidth=0)
        axes.plot(iterations, means, color=GREY, label="optimisation")
        network = mean(found.network).total
        axes.axhline(network, color=BLUE, label="network, one pass")
        axes.axhspan(
            network - deviation(found.network),
            network + deviation(found.network),
            color=BLUE,
            alpha=0.12,
            linewidth=0,
        )
        axes.axhline(means[0], color=LIGHT, linestyle=":", label="photograph")
        if found.matched_at is not None:
            late = found.matched_at > len(by_iteration) / 2
            axes.plot([found.matched_at], [network], "o", color=BLUE, markersize=4)
            axes.annotate(
                f"{found.matched_at} iterations",
                (found.matched_at, network),
                xytext=(0, -8) if late else (6, 6),
                textcoords="offset points",
                ha="right" if late else "left",
                va="top" if late else "bottom",
                color=BLUE,
            )
        axes.set_title(f"{found.size}x{found.size}", fontsize="medium")
        axes.set_xlabel("iterations of L-BFGS")
        axes.set_xlim(0, len(by_iteration))
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:.0e}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("total loss")
    panels[-1].legend(frameon=False, fontsize="small")
    return _drawn(figure)


def _drawn(figure: Figure) -> Image.Image:
    png = BytesIO()
    figure.savefig(png, format="png")
    return Image.open(png).convert("RGB")
