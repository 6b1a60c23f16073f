"""Table 1: how much faster a network is than optimisation."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from math import ceil
from pathlib import Path
from statistics import median

import numpy as np
import onnxruntime
import torch
from tqdm import tqdm

from trainer.errors import TrainerError
from trainer.evaluation.gatys import FROM_PHOTOGRAPH
from trainer.evaluation.served_style import ServedStyle
from trainer.evaluation.styles import centre_crop
from trainer.losses import Objective
from trainer.reproduce.report import Cell, Report, table

PAPER = {
    256: {100: 212, 300: 636, 500: 1060},
    512: {100: 205, 300: 615, 500: 1026},
    1024: {100: 208, 300: 625, 500: 1042},
}
"""Times faster, by size and iterations, on an NVIDIA Titan X."""

PASSES = 10
"""Timed passes of a network, after one for warm-up; their median is reported."""


@dataclass(frozen=True)
class Timing:
    """Times at one size."""

    size: int
    """Side in pixels."""
    network: float
    """Seconds of one pass in PyTorch, which optimisation uses too."""
    exported: float
    """Seconds of one pass in ONNX Runtime, in float32 too."""
    marks: Sequence[float]
    """Seconds from the start to the end of each iteration of optimisation that was run; at least
    two, unless only one was asked for."""

    def seconds(self, iterations: int) -> float:
        """Of so many iterations; any not run are extrapolated from those after the first."""
        run = len(self.marks)
        if iterations <= run:
            return self.marks[iterations - 1]
        each = (self.marks[-1] - self.marks[0]) / (run - 1)
        return self.marks[-1] + (iterations - run) * each

    def extrapolated(self, iterations: int) -> bool:
        return iterations > len(self.marks)


def run(
    style: ServedStyle,
    session: onnxruntime.InferenceSession,
    objective: Objective,
    photograph: Path,
    sizes: Sequence[int],
    iterations: Sequence[int],
    budget: float,
    report: Report,
) -> None:
    """Time each size; optimisation of a size stops after ``budget`` seconds."""
    timings = []
    for size in sizes:
        image = centre_crop(photograph, size)
        pixels = image.round().byte().permute(0, 2, 3, 1).numpy()
        feeds = {"image": pixels, "strength": np.ones(1, "f4"), "preserve_color": np.zeros(1, "f4")}
        if style.row is not None:
            feeds["style"] = style.row[None].numpy()
        timings.append(
            Timing(
                size,
                network=_median_seconds(partial(style.paint, image)),
                exported=_median_seconds(partial(session.run, None, feeds)),
                marks=_optimise(objective, image, max(iterations), budget),
            )
        )
    _report(timings, iterations, report)


def session(store: Path, model: str) -> onnxruntime.InferenceSession:
    """The newest version of a model in the store; raises TrainerError if there is none."""
    versions = [int(file.parent.name) for file in store.glob(f"{model}/[0-9]*/model.onnx")]
    if not versions:
        raise TrainerError(
            f"{store} holds no {model}; python -m trainer export --style {model} writes it"
        )
    file = store / model / str(max(versions)) / "model.onnx"
    return onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])


def _median_seconds(run: Callable[[], object]) -> float:
    seconds = []
    for _ in range(1 + PASSES):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return median(seconds[1:])


def _optimise(
    objective: Objective, image: torch.Tensor, iterations: int, budget: float
) -> list[float]:
    """Seconds from the start to the end of each iteration, until either limit is reached."""
    marks: list[float] = []
    size = image.shape[-1]
    start = time.perf_counter()
    loss = objective.toward(image)
    images = FROM_PHOTOGRAPH.images(lambda image: loss(image).total, image)
    with tqdm(total=iterations, desc=f"{size} px", unit="iteration") as bar:
        for _ in islice(images, iterations):
            marks.append(time.perf_counter() - start)
            affordable = ceil(max(budget / marks[-1], 1) * len(marks))
            bar.total = min(iterations, affordable)
            bar.update()
            if marks[-1] >= budget and len(marks) > 1:
                break
    return marks


def _report(timings: Sequence[Timing], iterations: Sequence[int], report: Report) -> None:
    rows = [(timing, n) for timing in timings for n in iterations]
    report.csv(
        ["size", "iterations", "optimised_s", "extrapolated", "network_s", "exported_s"],
        [
            [
                timing.size,
                n,
                _rounded(timing.seconds(n)),
                timing.extrapolated(n),
                _rounded(timing.network),
                _rounded(timing.exported),
            ]
            for timing, n in rows
        ],
    )
    header = ["size", "iterations", "optimisation, s", "network, s", "times faster"]
    header += ["exported, s", "times faster", "the paper's network"]
    run = ", ".join(f"{len(timing.marks)} at {timing.size} pixels" for timing in timings)
    report.markdown(
        f"{torch.get_num_threads()} CPU threads, float32, PyTorch {torch.__version__} for "
        "optimisation and network; exported is the same network in ONNX Runtime "
        f"{onnxruntime.__version__}, before 8-bit integers. Passes are medians of {PASSES}.",
        table(header, [_cells(timing, n) for timing, n in rows]),
        f"≈: extrapolated from the seconds of the iterations that were run ({run}).",
    )


def _cells(timing: Timing, iterations: int) -> list[str]:
    seconds = timing.seconds(iterations)
    about = "≈ " if timing.extrapolated(iterations) else ""
    return [
        f"{timing.size}x{timing.size}",
        str(iterations),
        f"{about}{seconds:.1f}",
        f"{timing.network:.3f}",
        f"{about}{seconds / timing.network:.0f}",
        f"{timing.exported:.3f}",
        f"{about}{seconds / timing.exported:.0f}",
        str(PAPER.get(timing.size, {}).get(iterations, "")),
    ]


def _rounded(seconds: float) -> Cell:
    return float(f"{seconds:.4g}")
