"""The commands of ``python -m trainer``: each a function of its parsed options."""

import re
import shutil
from argparse import Namespace
from functools import partial
from pathlib import Path

import torch
from PIL import Image
from tqdm import tqdm

from trainer import devices, recipe, weights_file
from trainer.errors import TrainerError
from trainer.evaluation import commands as evaluation
from trainer.evaluation import gatys
from trainer.evaluation.gatys import FROM_PHOTOGRAPH
from trainer.images.photographs import find_photographs, pixels_of, read_rgb
from trainer.images.sheets import save
from trainer.losses import LossTerms, PerceptualLoss
from trainer.painter_recipe import PainterRecipe
from trainer.pretrained import vgg_weights
from trainer.pretrained.vgg import VGG16
from trainer.recipe import StylizeRecipe
from trainer.training import campaign, checkpoint, distributed, loop, start
from trainer.training.distributed import World
from trainer.weights_file import TrainedModel

WEIGHTS = Path(__file__).parent / "weights"
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names a folder of the store, and is a part of the service's URLs."""
DEFAULT_RECIPE = "wave"
"""Has the loss weights that a painting without a recipe is optimised with."""


def train(options: Namespace) -> None:
    name = _name_of_run(options)
    device = devices.chosen(options.device)
    with distributed.joined(device) as world:
        _train(options, name, device, world)


def _train(options: Namespace, name: str, device: torch.device, world: World) -> None:
    folder = options.runs / name
    photographs = find_photographs(options.data)
    trained = partial(_trained, runs=options.runs)
    if options.resume:
        run = start.resumed(folder, device, options.steps, WEIGHTS)
    else:
        followed = start.recipe_of(options.model, options.style_image, options.name, options.steps)
        run = start.new(
            followed,
            folder,
            device,
            trained,
            init_from=options.init_from,
            overwrite=options.overwrite,
        )
    weights = vgg_weights.load(options.vgg) if run.recipe.needs_vgg else {}
    if options.overwrite and folder.exists() and world.first:
        shutil.rmtree(folder)
    file = loop.train(
        run,
        weights,
        photographs,
        loop.Options(
            folder=folder,
            device=device,
            workers=options.workers,
            preview_every=options.preview_every,
            checkpoint_every=options.checkpoint_every
            or max(1, min(100, run.recipe.schedule.steps // 10)),
        ),
        start.teacher_of(run.recipe, trained),
        world,
    )
    if world.first:
        duration = tqdm.format_interval(run.progress.seconds)
        print(f"trained {file} in {duration}; next: python -m trainer export --style {name}")


def _name_of_run(options: Namespace) -> str:
    """The name of the run and of its model.

    Raises TrainerError unless the options say what is trained, under which name, on what.
    """
    if options.style_image is not None and options.name is None:
        raise TrainerError("--style-image FILE: a painting of your own takes a --name NAME")
    if options.model is None and options.style_image is None and not options.resume:
        raise TrainerError("--style NAME of a recipe, or --style-image FILE and --name NAME?")
    name: str | None = options.name or options.model
    if name is None:
        raise TrainerError("--resume: which run, --style NAME or --name NAME?")
    if options.name is not None and not MODEL_NAME.fullmatch(name):
        raise TrainerError(f"--name {name}: a name is up to 64 letters, digits and . _ -")
    if name != options.model and name in recipe.names():
        raise TrainerError(f"--name {name}: a recipe has this name; choose another")
    if options.data is None:
        raise TrainerError("--data FOLDER is missing: photographs to train on; a thousand do")
    return name


def keep(options: Namespace) -> None:
    run = checkpoint.restore(options.runs / options.model, torch.device("cpu"))
    campaign.keep(run, loop.trained_model(run), WEIGHTS, options.model)
    print(f"kept {options.model} at step {run.progress.step} in {WEIGHTS}")


def evaluate(options: Namespace) -> None:
    evaluation.evaluate(options, partial(_trained, runs=options.runs))


def crops(options: Namespace) -> None:
    evaluation.crops(options, partial(_trained, runs=options.runs))


def gallery(options: Namespace) -> None:
    stored = [] if options.style else _models_of(options.store)
    evaluation.gallery(options, stored, partial(_trained, runs=options.runs))


def mixtures(options: Namespace) -> None:
    evaluation.mixtures(options, partial(_trained, runs=options.runs))


def export(options: Namespace) -> None:
    # Imported here, since training needs neither ONNX nor ONNX Runtime.
    from trainer.export import calibration, store

    examples = calibration.examples()
    for name in _models_of(options.store) if options.all else [options.model]:
        painter = recipe.painter_of(name)
        model = _packaged(painter or name, options.runs)
        if isinstance(model.recipe, PainterRecipe):
            _export_gallery(model, options, only=name if painter else None)
            continue
        digest = store.export(
            model,
            name,
            options.store,
            version=options.version,
            photograph=options.photograph,
            evaluation=recipe.evaluation_of(name, model.recipe),
            examples=examples,
        )
        print(f"exported {options.store / name / str(options.version)} sha256:{digest}")


def _packaged(name: str, runs: Path) -> TrainedModel:
    """The trained model, saved among the weights that are shipped."""
    model = _trained(name, runs)
    packaged = WEIGHTS / f"{name}.safetensors"
    if not packaged.exists() or weights_file.load(packaged).training != model.training:
        weights_file.save(packaged, model)
        print(f"saved {packaged}")
    return model


def _export_gallery(model: TrainedModel, options: Namespace, only: str | None) -> None:
    """A Painter with all its styles; or one style, or one that was fitted, beside its network."""
    from trainer.export import gallery

    assert isinstance(model.recipe, PainterRecipe)
    where = {"version": options.version, "photograph": options.photograph}
    if only is None and model.recipe.body is None:
        digest = gallery.export(model, options.store, **where)
        print(f"exported {options.store / gallery.NAME / str(options.version)} sha256:{digest}")
    else:
        for folder in gallery.add(model, options.store, only=only, **where):
            print(f"exported {folder}")


def _models_of(store: Path) -> list[str]:
    try:
        return sorted(folder.name for folder in store.iterdir() if folder.is_dir())
    except OSError as error:
        raise TrainerError(f"{error.filename}: {error.strerror}") from error


def optimize(options: Namespace) -> None:
    name = options.style if options.style in recipe.names() else DEFAULT_RECIPE
    followed = recipe.load(name)
    if not isinstance(followed, StylizeRecipe):
        raise TrainerError(f"{name} is not a style")
    if name != options.style:
        followed = followed.with_style_image(Path(options.style))
    content = read_rgb(options.content, options.short_side)
    loss = _objective(followed, options.vgg).toward(content)
    with tqdm(total=options.iterations, unit="iteration") as bar:

        def show(_: int, __: torch.Tensor, terms: LossTerms) -> None:
            bar.set_postfix_str(f"total {terms.total.item():.4g}", refresh=False)
            bar.update()

        image = gatys.optimize(loss, content, options.iterations, FROM_PHOTOGRAPH, show)
    save(Image.fromarray(pixels_of(image)), options.out)


def reproduce(options: Namespace) -> None:
    # Imported here, since nothing else needs Matplotlib.
    from trainer.reproduce import commands as experiments

    run = experiments.EXPERIMENTS[options.experiment]
    run(options, partial(_trained, runs=options.runs))


def vgg(options: Namespace) -> None:
    vgg_weights.load(options.vgg)
    print(f"{options.vgg or vgg_weights.CACHE}: VGG-16 to relu5_3, verified")


def _trained(name: str, runs: Path) -> TrainedModel:
    """The trained model of this name: the run's, finished or not, else the one that is shipped.

    Raises TrainerError if there is neither.
    """
    folder = runs / name
    if (folder / loop.WEIGHTS).exists():
        return weights_file.load(folder / loop.WEIGHTS)
    if (folder / checkpoint.NAME).exists():
        return loop.trained_model(checkpoint.restore(folder, torch.device("cpu")))
    packaged = WEIGHTS / f"{name}.safetensors"
    if packaged.exists():
        return weights_file.load(packaged)
    raise TrainerError(
        f"no trained weights of {name!r}; python -m trainer train --style {name} makes them"
    )


def _objective(followed: StylizeRecipe, vgg_file: Path | None) -> PerceptualLoss:
    painting = read_rgb(followed.style.file, followed.style.short_side)
    return PerceptualLoss(VGG16(vgg_weights.load(vgg_file)), painting, followed.loss)
