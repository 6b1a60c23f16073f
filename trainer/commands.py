"""What the commands of ``python -m trainer`` do, each a function of its parsed options."""

import shutil
from argparse import Namespace
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from trainer import checkpoint, data, evaluation, gatys, recipe, training, vgg_weights, weights_file
from trainer.checkpoint import Run
from trainer.errors import TrainerError
from trainer.losses import LossTerms, PerceptualLoss
from trainer.networks import ServedStyleNet
from trainer.recipe import Recipe
from trainer.vgg import VGG16
from trainer.weights_file import TrainedModel

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT_RECIPE = "wave"
"""Whose loss weights a painting without a recipe is optimised with."""


def train(options: Namespace) -> None:
    folder = options.runs / options.style
    device = _device(options.device)
    run = _resumed(options, folder, device) if options.resume else _started(options, folder, device)
    photographs = data.find_photographs(options.data)
    weights = vgg_weights.load(options.vgg)
    if options.overwrite and folder.exists():
        shutil.rmtree(folder)
    trained = training.train(
        run,
        weights,
        photographs,
        training.Options(
            folder=folder,
            device=device,
            workers=options.workers,
            preview_every=options.preview_every,
            checkpoint_every=options.checkpoint_every
            or max(1, min(100, run.recipe.schedule.steps // 10)),
        ),
    )
    print(f"trained {trained}; next: python -m trainer export --style {options.style}")


def _started(options: Namespace, folder: Path, device: torch.device) -> Run:
    followed = recipe.load(options.style)
    if options.steps is not None:
        followed = followed.with_steps(options.steps)
    if options.style_image is not None:
        followed = followed.with_style_image(options.style_image)
    if (folder / checkpoint.NAME).exists() and not options.overwrite:
        raise TrainerError(
            f"{folder} holds a run already: --resume goes on with it, --overwrite starts again"
        )
    run = checkpoint.new_run(followed, device)
    if options.init_from is not None:
        run.warm_start(options.init_from)
    return run


def _resumed(options: Namespace, folder: Path, device: torch.device) -> Run:
    run = checkpoint.restore(folder, device)
    steps = run.recipe.schedule.steps
    if options.steps not in (None, steps):
        raise TrainerError(f"{folder} is a run of {steps} steps, not {options.steps}")
    return run


def evaluate(options: Namespace) -> None:
    model = _trained(options.style, options.runs)
    photographs = data.find_photographs(options.data)[: options.photographs]
    objective = _objective(model.recipe, options.vgg)
    with tqdm(total=len(photographs) * max(evaluation.MILESTONES), unit="iteration") as bar:
        found = evaluation.evaluate(
            ServedStyleNet(model.network), objective, photographs, options.size, bar.update
        )
    print(found.table())
    if options.record:
        measured = {
            "recipe_digest": model.recipe.digest,
            "training": model.training.model_dump(mode="json", exclude_none=True),
            "evaluation": found.figures(),
        }
        recipe.record(options.style, measured)


def export(options: Namespace) -> None:
    # Here, since training needs neither ONNX nor ONNX Runtime.
    from trainer import export

    model = _trained(options.style, options.runs)
    packaged = WEIGHTS / f"{options.style}.safetensors"
    if not packaged.exists() or weights_file.load(packaged).training != model.training:
        weights_file.save(packaged, model)
        print(f"saved {packaged}")
    digest = export.export(
        model,
        options.style,
        options.store,
        photograph=options.photograph,
        evaluation=recipe.evaluation_of(options.style, model.recipe),
    )
    print(f"exported {options.store / options.style} sha256:{digest}")


def optimize(options: Namespace) -> None:
    if options.style in recipe.names():
        followed = recipe.load(options.style)
    else:
        followed = recipe.load(DEFAULT_RECIPE).with_style_image(Path(options.style))
    content = data.read_rgb(options.content, options.short_side)
    objective = _objective(followed, options.vgg)
    with tqdm(total=options.iterations, unit="iteration") as bar:

        def show(_: int, __: torch.Tensor, terms: LossTerms) -> None:
            bar.set_postfix_str(f"total {terms.total.item():.4g}", refresh=False)
            bar.update()

        image = gatys.optimize(objective, content, options.iterations, show)
    pixels = image[0].permute(1, 2, 0).round().byte().numpy()
    try:
        Image.fromarray(pixels).save(options.out)
    except (OSError, ValueError) as error:
        raise TrainerError(f"{options.out}: {error}") from error
    print(f"wrote {options.out}")


def vgg(options: Namespace) -> None:
    vgg_weights.load(options.vgg)
    print(f"{options.vgg or vgg_weights.CACHE}: VGG-16 to relu4_3, verified")


def _trained(style: str, runs: Path) -> TrainedModel:
    """The network of the newest run, else the one that is shipped."""
    folder = runs / style
    if (folder / training.WEIGHTS).exists():
        return weights_file.load(folder / training.WEIGHTS)
    if (folder / checkpoint.NAME).exists():
        return training.trained_model(checkpoint.restore(folder, torch.device("cpu")))
    packaged = WEIGHTS / f"{style}.safetensors"
    if packaged.exists():
        return weights_file.load(packaged)
    raise TrainerError(
        f"no trained weights of {style!r}; python -m trainer train --style {style} makes them"
    )


def _objective(followed: Recipe, vgg_file: Path | None) -> PerceptualLoss:
    painting = data.read_rgb(followed.style.file, followed.style.short_side)
    return PerceptualLoss(VGG16(vgg_weights.load(vgg_file)), painting, followed.loss)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise TrainerError(f"--device {name}: no such kind of device") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise TrainerError(f"--device {name}: PyTorch finds no GPU")
    return device
