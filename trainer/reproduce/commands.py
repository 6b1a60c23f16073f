"""The experiments of ``python -m trainer reproduce``: each a function of its parsed options."""

from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence

import torch

from trainer import devices, weights_file
from trainer.errors import TrainerError
from trainer.evaluation import styles, upscalers
from trainer.evaluation.result_cache import ResultCache
from trainer.evaluation.styles import Style
from trainer.evaluation.trained_styles import (
    PainterStyle,
    TrainedStyle,
    find,
    find_all,
    painter_styles,
    styles_of,
)
from trainer.export import gallery
from trainer.images.photographs import find_photographs
from trainer.pretrained import lpips_weights, vgg_weights
from trainer.pretrained.lpips import LPIPS
from trainer.pretrained.vgg import VGG16
from trainer.reproduce import authors, objective, reconstruction, sizes, speed, stability, upscaling
from trainer.reproduce.reconstruction import CONTENT, STYLE, Reconstruction
from trainer.reproduce.report import Report
from trainer.weights_file import Trained

Experiment = Callable[[Namespace, Trained], None]
"""Takes the options, and a function that finds trained models by name."""


def run_speed(options: Namespace, trained: Trained) -> None:
    found = find(options.style, trained)
    style = _measured(found, options, torch.device("cpu"))
    model = gallery.NAME if isinstance(found, PainterStyle) else options.style
    speed.run(
        style.served,
        speed.session(options.store, model),
        style.objective,
        options.content,
        options.sizes,
        options.iterations,
        options.seconds,
        Report(options.out, "speed"),
    )


def run_objective(options: Namespace, trained: Trained) -> None:
    photographs = find_photographs(options.data)[: options.photographs]
    iterations = _by_size(options.sizes, options.iterations)
    found = styles.measure(
        _measured(find(options.style, trained), options, devices.chosen(options.device)),
        photographs,
        iterations,
        styles.result_cache(options.runs, options.style),
    )
    objective.write(found, _report(options, "objective", options.style))


def _by_size(sizes: Sequence[int], iterations: Sequence[int]) -> dict[int, int]:
    if len(iterations) == 1:
        return dict.fromkeys(sizes, iterations[0])
    if len(iterations) != len(sizes):
        raise TrainerError(f"--iterations: one number, or one for each of {len(sizes)} sizes")
    return dict(zip(sizes, iterations, strict=True))


def run_content(options: Namespace, _: Trained) -> None:
    _reconstruct(CONTENT, options)


def run_style(options: Namespace, _: Trained) -> None:
    _reconstruct(STYLE, options)


def run_sizes(options: Namespace, trained: Trained) -> None:
    found = {name: find(name, trained).served() for name in options.style}
    for name, style in found.items():
        sizes.run(style, options.content, options.sizes, _report(options, "sizes", name))


def run_upscaling(options: Namespace, trained: Trained) -> None:
    lpips = LPIPS(lpips_weights.load())
    for factor in options.factors:
        names = [f"upscale_x{factor}_{objective}" for objective in ("pixel", "feature")]
        models = {name: trained(name) for name in names}
        methods = upscalers.methods(models, factor)
        report = Report(options.out, f"upscaling_x{factor}")
        upscaling.run(methods, models, options.photographs, factor, lpips, report)


def run_authors(options: Namespace, trained: Trained) -> None:
    styles = painter_styles(options.model, trained)
    found = authors.pairs(options.pictures, options.content, styles)
    vgg = VGG16(vgg_weights.load(options.vgg))
    authors.run(found, options.content, vgg, Report(options.out, "authors"))


def run_stability(options: Namespace, trained: Trained) -> None:
    named = options.model or ([] if options.weights else [gallery.NAME])
    networks = {name: find_all(name, trained) for name in named}
    for file in options.weights:
        networks[str(file)] = styles_of(str(file), weights_file.load(file))
    photographs = find_photographs(options.data)[: options.photographs]
    stability.run(networks, photographs, Report(options.out, "stability"))


def _reconstruct(what: Reconstruction, options: Namespace) -> None:
    reconstruction.run(
        what,
        VGG16(vgg_weights.load(options.vgg)),
        options.image,
        options.size,
        options.iterations,
        ResultCache(options.runs / "reproduce" / what.name),
        Report(options.out, what.name),
    )


def _measured(found: TrainedStyle, options: Namespace, device: torch.device) -> Style:
    return Style.of(found, VGG16(vgg_weights.load(options.vgg)), device)


def _report(options: Namespace, experiment: str, style: str) -> Report:
    return Report(options.out, f"{experiment}_{style.replace('/', '_')}")


EXPERIMENTS: Mapping[str, Experiment] = {
    "speed": run_speed,
    "objective": run_objective,
    "content": run_content,
    "style": run_style,
    "sizes": run_sizes,
    "upscaling": run_upscaling,
    "authors": run_authors,
    "stability": run_stability,
}
"""By their names on the command line."""
