"""Plots."""

from collections.abc import Sequence
from io import BytesIO

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter
from PIL import Image

from trainer.evaluation import Descents, deviation, mean

GREY, BLUE, LIGHT = "#555555", "#1f6fb4", "#aaaaaa"


def losses_by_iteration(sizes: Sequence[Descents]) -> Image.Image:
    """A panel a size: how far optimisation has come, beside one pass of the network."""
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
