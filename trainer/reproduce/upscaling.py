"""Figures 8 and 9: super-resolution beside bicubic upsampling."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from trainer import recipe
from trainer.evaluation import upscalers
from trainer.evaluation.crop_sheet import sheet
from trainer.evaluation.upscalers import Distance, Upscaler
from trainer.reproduce.report import Report, table
from trainer.weights_file import TrainedModel

SETS = ("Set5", "Set14", "BSD100")

PAPER = {4: {"pixel": (28.4, 25.8, 25.9), "feature": (27.1, 25.0, 25.0)}}
"""Mean PSNR of the paper's networks on SETS in dB, by factor and objective."""


def run(
    methods: Mapping[str, Upscaler],
    models: Mapping[str, TrainedModel],
    photographs: Sequence[Path],
    factor: int,
    lpips: Distance,
    report: Report,
) -> None:
    """Write figures of each photograph, and a sheet of where bicubic upsampling errs most.

    ``methods`` are bicubic and the ``models`` as they are served.
    """
    with tqdm(total=len(photographs), desc=f"x{factor}", unit="photograph") as bar:
        found = upscalers.evaluate(methods, photographs, factor, lpips, bar.update)
    drawn = sheet(methods, photographs, factor, lpips)
    picture = report.picture(drawn, f"x{factor}: input, bicubic, our two networks, truth")
    report.csv(
        ["photograph", "method", "psnr", "ssim", "lpips"],
        [
            [
                f"{file.parent.name}/{file.name}",
                method,
                round(quality.psnr, 2),
                round(quality.ssim, 4),
                round(quality.lpips, 4),
            ]
            for index, file in enumerate(photographs)
            for method, row in found.qualities.items()
            for quality in [row[index]]
        ],
    )
    report.markdown(
        picture,
        "Means over whole sets, PSNR in dB / SSIM / LPIPS, as `python -m trainer evaluate "
        f"--upscale {factor} --record` measured them:",
        table(["", *SETS], _means(models, factor)),
    )


def _means(models: Mapping[str, TrainedModel], factor: int) -> list[list[str]]:
    """Rows for bicubic, each model and the paper's networks; blank where there is no figure."""
    rows: dict[str, list[str]] = {}
    for name, model in models.items():
        evaluation = recipe.evaluation_of(name, model.recipe) or {}
        of_sets = [evaluation.get(benchmark, {}) for benchmark in SETS]
        rows |= {"bicubic": [_means_of(one.get("bicubic")) for one in of_sets]}
        rows |= {name: [_means_of(one.get("network")) for one in of_sets]}
    for objective, means in PAPER.get(factor, {}).items():
        rows[f"the paper's, {objective} loss"] = [f"{mean:.1f}" for mean in means]
    return [[name, *cells] for name, cells in rows.items()]


def _means_of(measured: Mapping[str, float] | None) -> str:
    if measured is None:
        return ""
    return f"{measured['psnr']:.2f} / {measured['ssim']:.4f} / {measured['lpips']:.3f}"
