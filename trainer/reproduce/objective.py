"""Figure 5: how many iterations of optimisation one pass of a network equals, by size."""

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from PIL import Image

from trainer.evaluation.descents import Comparison, Descent, Losses, deviation, mean
from trainer.evaluation.gatys import FROM_NOISE, FROM_PHOTOGRAPH
from trainer.reproduce.report import Cell, Report, table

BLUE, LIGHT = "#1f6fb4", "#aaaaaa"
COLOURS = {FROM_NOISE.name: "#b4581f", FROM_PHOTOGRAPH.name: "#555555"}


def write(sizes: Sequence[Comparison], report: Report) -> None:
    """Write all iterations as CSV, a plot by size as PNG, milestones as Markdown."""
    report.csv(
        ["size", "method", "iteration", "photographs", *Losses.__annotations__, "total_deviation"],
        [line for found in sizes for line in _lines(found)],
    )
    picture = report.picture(_losses_by_iteration(sizes), "Total loss by iteration, a panel a size")
    report.markdown(picture, *_paragraphs(sizes))


def _lines(found: Comparison) -> Iterator[list[Cell]]:
    methods: list[tuple[str, int | None, Sequence[Losses]]] = [
        ("photograph", None, found.untouched),
        ("network", None, found.network),
    ]
    for descent in found.optimized:
        by_iteration = zip(*descent.losses, strict=True)
        method = f"optimised {descent.protocol.name}"
        methods += [(method, n, losses) for n, losses in enumerate(by_iteration, 1)]
    for method, iteration, losses in methods:
        numbers = (*astuple(mean(losses)), deviation(losses))
        rounded = [float(f"{number:.6g}") for number in numbers]
        yield [found.size, method, iteration, len(losses), *rounded]


def _paragraphs(sizes: Sequence[Comparison]) -> tuple[str, ...]:
    header = ["size", "photograph", "**network**"]
    lines = [
        [
            f"{found.size}x{found.size}",
            f"{mean(found.untouched).total:.3g}",
            f"**{mean(found.network).total:.3g}**",
        ]
        for found in sizes
    ]
    for n, protocol in enumerate(descent.protocol for descent in sizes[0].optimized):
        at = [found.optimized[n].at_milestones() for found in sizes]
        reached = sorted({milestone for one in at for milestone in one})
        header += [f"{protocol.name}, {milestone}" for milestone in reached]
        header.append(f"equals iterations {protocol.name}")
        for line, one, found in zip(lines, at, sizes, strict=True):
            line += [f"{one[m].total:.3g}" if m in one else "not run" for m in reached]
            line.append(f"**{found.optimized[n].equals(found.network)}**")
    count = len(sizes[0].network)
    photographs = "photograph" if count == 1 else "photographs"
    return (
        f"Mean total loss over the centres of {count} {photographs}, untouched, after one pass of "
        "the network, and optimised by so many iterations of L-BFGS by the authors' protocol "
        f"({FROM_NOISE.name}) and by ours ({FROM_PHOTOGRAPH.name}); the first iteration that is no "
        "worse than the network.",
        table(header, lines),
    )


def _losses_by_iteration(sizes: Sequence[Comparison]) -> Image.Image:
    """A plot with a panel for each size: loss by iteration, and of one pass of the network."""
    figure = Figure(figsize=(1.2 + 3.1 * len(sizes), 3.2), dpi=110, layout="constrained")
    panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for axes, found in zip(panels, sizes, strict=True):
        network, spread = mean(found.network).total, deviation(found.network)
        longest = max(len(descent.by_iteration()) for descent in found.optimized)
        for descent in found.optimized:
            _draw(axes, descent, found.network, longest)
        axes.axhline(network, color=BLUE, label="network, one pass")
        axes.axhspan(network - spread, network + spread, color=BLUE, alpha=0.12, linewidth=0)
        untouched = mean(found.untouched).total
        axes.axhline(untouched, color=LIGHT, linestyle=":", label="photograph")
        axes.set_title(f"{found.size}x{found.size}", fontsize="medium")
        axes.set_xlabel("iterations of L-BFGS")
        axes.set_xlim(0, longest)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:.0e}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("total loss")
    panels[-1].legend(frameon=False, fontsize="small")
    return _drawn(figure)


def _draw(axes: Axes, descent: Descent, network: Sequence[Losses], longest: int) -> None:
    """The means of a descent with their spread, and where it equals the network."""
    colour = COLOURS[descent.protocol.name]
    losses = list(zip(*descent.losses, strict=True))
    iterations = range(1, len(losses) + 1)
    means = [mean(one).total for one in losses]
    spreads = [deviation(one) for one in losses]
    low = [max(m - s, m / 10) for m, s in zip(means, spreads, strict=True)]
    high = [m + s for m, s in zip(means, spreads, strict=True)]
    axes.fill_between(iterations, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(iterations, means, color=colour, label=f"optimisation {descent.protocol.name}")
    matched = descent.matched_at(network)
    if matched is None:
        return
    late = matched > longest / 2
    place = (matched, mean(network).total)
    axes.plot(*place, "o", color=colour, markersize=4)
    axes.annotate(
        str(matched),
        place,
        xytext=(0, -8) if late else (6, 6),
        textcoords="offset points",
        ha="right" if late else "left",
        va="top" if late else "bottom",
        color=colour,
    )


def _drawn(figure: Figure) -> Image.Image:
    png = BytesIO()
    figure.savefig(png, format="png")
    return Image.open(png).convert("RGB")
