"""What ``python -m trainer reproduce EXPERIMENT`` does, by the experiment's name."""

from argparse import Namespace

from trainer import data, lpips_weights, upscale_evaluation, vgg_weights
from trainer.errors import TrainerError
from trainer.losses import PerceptualLoss
from trainer.lpips import LPIPS
from trainer.networks import ServedStyleNet, StyleNet
from trainer.recipe import StylizeRecipe
from trainer.reproduce import objective, reconstruction, sizes, speed, upscaling
from trainer.reproduce.kept import Kept
from trainer.reproduce.reconstruction import CONTENT, STYLE, Reconstruction
from trainer.reproduce.report import Report
from trainer.vgg import VGG16
from trainer.weights_file import Trained


def run_speed(options: Namespace, trained: Trained) -> None:
    style = _style(options, trained)
    session = speed.session(options.store, options.style)
    speed.run(
        style.network,
        session,
        style.objective,
        options.content,
        options.sizes,
        options.iterations,
        options.seconds,
        Report(options.out, "speed"),
    )


def run_objective(options: Namespace, trained: Trained) -> None:
    photographs = data.find_photographs(options.data)[: options.photographs]
    name = f"objective_{options.style}"
    objective.run(
        _style(options, trained),
        photographs,
        options.sizes,
        options.iterations,
        _kept(options, name),
        Report(options.out, name),
    )


def run_content(options: Namespace, _: Trained) -> None:
    _reconstruct(CONTENT, options)


def run_style(options: Namespace, _: Trained) -> None:
    _reconstruct(STYLE, options)


def run_sizes(options: Namespace, trained: Trained) -> None:
    networks = {name: _network(name, trained)[0] for name in options.style}
    for name, network in networks.items():
        sizes.run(network, options.content, options.sizes, Report(options.out, f"sizes_{name}"))


def run_upscaling(options: Namespace, trained: Trained) -> None:
    lpips = LPIPS(lpips_weights.load())
    for factor in options.factors:
        names = [f"upscale_x{factor}_{objective}" for objective in ("pixel", "feature")]
        models = {name: trained(name) for name in names}
        methods = upscale_evaluation.methods(models, factor)
        report = Report(options.out, f"upscaling_x{factor}")
        upscaling.run(methods, models, options.photographs, factor, lpips, report)


def _reconstruct(what: Reconstruction, options: Namespace) -> None:
    reconstruction.run(
        what,
        VGG16(vgg_weights.load(options.vgg)),
        options.image,
        options.size,
        options.iterations,
        _kept(options, what.name),
        Report(options.out, what.name),
    )


def _style(options: Namespace, trained: Trained) -> objective.Style:
    network, recipe = _network(options.style, trained)
    painting = data.read_rgb(recipe.style.file, recipe.style.short_side)
    vgg = VGG16(vgg_weights.load(options.vgg))
    return objective.Style(recipe, network, PerceptualLoss(vgg, painting, recipe.loss))


def _network(name: str, trained: Trained) -> tuple[ServedStyleNet, StylizeRecipe]:
    model = trained(name)
    if not isinstance(model.recipe, StylizeRecipe):
        raise TrainerError(f"{name} is not a style")
    assert isinstance(model.network, StyleNet)
    return ServedStyleNet(model.network).eval(), model.recipe


def _kept(options: Namespace, name: str) -> Kept:
    return Kept(options.runs / "reproduce" / name)
