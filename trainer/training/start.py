"""How a training run starts: new, from other weights (a warm start), or resumed."""

from pathlib import Path

import torch

from trainer import recipe, weights_file
from trainer.errors import TrainerError
from trainer.networks.style import StyleNet
from trainer.painter_recipe import PainterRecipe
from trainer.recipe import Recipe, StylizeRecipe, UpscaleRecipe
from trainer.training import campaign, checkpoint
from trainer.training.checkpoint import Run
from trainer.weights_file import Trained

BASE_RECIPE = "wave"
"""What a painting without a recipe is trained by, unless another is named."""
WARM_START = "wave"
"""The trained model that it then starts from: it can paint, and has only to paint otherwise."""


def recipe_of(
    model: str | None, style_image: Path | None, name: str | None, steps: int | None
) -> Recipe:
    """The recipe ``model``, for the painting ``style_image`` if given, in ``steps`` steps if given.

    ``name`` is that of a painting's model. A painting that a Painter's recipe leaves for later is a
    ``model`` as well. Raises TrainerError if there is no such recipe, or it is an upscaler's and
    there is a painting.
    """
    followed = _fitted_later(model) or recipe.load(model or BASE_RECIPE)
    if style_image is not None:
        assert name is not None
        if isinstance(followed, UpscaleRecipe):
            raise TrainerError(f"--style-image: {model} is not a style")
        if isinstance(followed, PainterRecipe):
            assert model is not None
            followed = followed.for_painting(style_image, name, followed.body or model)
        else:
            init_from = WARM_START if model is None else followed.init_from
            followed = followed.for_painting(style_image, name, init_from)
    return followed if steps is None else followed.with_steps(steps)


def _fitted_later(model: str | None) -> PainterRecipe | None:
    """The recipe of a painting that a Painter's recipe leaves for later."""
    if model is None or model in recipe.names():
        return None
    for name in recipe.names():
        whole = recipe.load(name)
        if isinstance(whole, PainterRecipe):
            for painting in whole.fitted_later:
                if painting.name == model:
                    return whole.fitted(painting, name)
    return None


def new(
    followed: Recipe,
    folder: Path,
    device: torch.device,
    trained: Trained,
    *,
    init_from: Path | None,
    overwrite: bool,
) -> Run:
    """A run before its first step, with the weights ``init_from`` or of the recipe's warm start.

    Raises TrainerError if ``folder`` holds a run that may not be overwritten, or if the weights are
    missing or of another architecture.
    """
    if (folder / checkpoint.NAME).exists() and not overwrite:
        raise TrainerError(
            f"{folder} holds a run already: --resume goes on with it, --overwrite starts again"
        )
    run = checkpoint.new_run(followed, device)
    if isinstance(followed, PainterRecipe) and followed.body is not None:
        run.fit_to(trained(followed.body), followed.body)
    elif init_from is not None:
        run.warm_start(weights_file.load(init_from), init_from.stem)
    elif followed.init_from is not None:
        run.warm_start(trained(followed.init_from), followed.init_from)
    return run


def resumed(folder: Path, device: torch.device, steps: int | None, weights: Path) -> Run:
    """The run whose checkpoint is in ``folder``, else the one of its name kept in ``weights``.

    A Painter's follows its recipe as it is now. Raises TrainerError if there is no run, or if it
    has another number of steps than asked for.
    """
    name = folder.name
    if not (folder / checkpoint.NAME).exists() and campaign.kept(weights, name):
        run = campaign.restore(weights, name, device)
    else:
        run = checkpoint.restore(folder, device)
    if isinstance(run.recipe, PainterRecipe) and name in recipe.names():
        run.follow(recipe.load(name))
    planned = run.recipe.schedule.steps
    if steps not in (None, planned):
        raise TrainerError(f"{folder} is a run of {planned} steps, not {steps}")
    return run


def teacher_of(followed: Recipe, trained: Trained) -> StyleNet | None:
    """The trained network that a distillation recipe's student learns from; None without one."""
    if not isinstance(followed, StylizeRecipe) or followed.teacher is None:
        return None
    network = trained(followed.teacher).network
    if not isinstance(network, StyleNet):
        raise TrainerError(f"{followed.teacher} is not a style")
    return network
