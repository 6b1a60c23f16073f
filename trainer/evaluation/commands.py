"""The commands that evaluate trained models: each a function of its parsed options.

Each also takes a function that finds trained models by name.
"""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from tqdm import tqdm

from trainer import atomic, devices, recipe
from trainer.errors import TrainerError
from trainer.evaluation import styles, upscalers
from trainer.evaluation.crop_sheet import sheet
from trainer.evaluation.gallery import sheet as gallery_sheet
from trainer.evaluation.gatys import FROM_PHOTOGRAPH
from trainer.evaluation.mixtures import sheet as mixtures_sheet
from trainer.evaluation.trained_styles import PainterStyle, find, find_all, find_painter_style
from trainer.evaluation.upscalers import Upscaler, match_histogram
from trainer.images.photographs import find_photographs
from trainer.images.sheets import save
from trainer.pretrained import lpips_weights, vgg_weights
from trainer.pretrained.lpips import LPIPS
from trainer.pretrained.vgg import VGG16
from trainer.recipe import UpscaleRecipe
from trainer.weights_file import Trained, TrainedModel

OBJECTIVES = ("pixel", "feature")
"""Those of the upscalers that are compared unless others are named."""


def evaluate(options: Namespace, trained: Trained) -> None:
    if options.upscale is None:
        _evaluate_style(options, trained)
    else:
        _evaluate_upscalers(options, trained)


def _evaluate_style(options: Namespace, trained: Trained) -> None:
    style = find(options.style, trained)
    photographs = find_photographs(options.data)[: options.photographs or 10]
    device = devices.chosen(options.device)
    vgg = VGG16(vgg_weights.load(options.vgg))  # last, since it may be a long download
    (found,) = styles.measure(
        styles.Style.of(style, vgg, device),
        photographs,
        {options.size: FROM_PHOTOGRAPH.iterations},
        styles.result_cache(options.runs, options.style),
    )
    print(found.table())
    if options.record:
        figures = found.figures()
        if isinstance(style, PainterStyle):
            earlier = recipe.evaluation_of(style.name, style.recipe) or {}
            figures = earlier | {style.painting.name: figures}
        recipe.record(style.name, _measured(style.model, figures))


def _evaluate_upscalers(options: Namespace, trained: Trained) -> None:
    models = _upscalers(options, trained)
    photographs = find_photographs(options.data)[: options.photographs]
    lpips = LPIPS(lpips_weights.load())
    with tqdm(total=len(photographs), unit="photograph") as bar:
        found = upscalers.evaluate(
            _methods(models, options), photographs, options.upscale, lpips, bar.update
        )
    print(found.table())
    if options.csv is not None:
        atomic.write(options.csv, found.csv().encode())
    if options.record:
        benchmark, figures = options.data.resolve().name, found.figures()
        for name, model in models.items():
            earlier = recipe.evaluation_of(name, model.recipe) or {}
            of_set = {"bicubic": figures["bicubic"], "network": figures[name]}
            recipe.record(name, _measured(model, earlier | {benchmark: of_set}))


def crops(options: Namespace, trained: Trained) -> None:
    picture = sheet(
        _methods(_upscalers(options, trained), options), options.photographs, options.upscale
    )
    save(picture, options.out)


def gallery(options: Namespace, stored: Sequence[str], trained: Trained) -> None:
    """The styles that are named, else those of the models that are stored."""
    named = options.style or [
        name for name in stored if not isinstance(trained(name).recipe, UpscaleRecipe)
    ]
    found = [style for name in named for style in find_all(name, trained)]
    if not found:
        raise TrainerError(f"no styles in {options.store}")
    save(gallery_sheet(found, options.photographs), options.out)


def mixtures(options: Namespace, trained: Trained) -> None:
    one, other = (find_painter_style(name, trained) for name in (options.style, options.blend))
    save(mixtures_sheet(one, other, options.photograph), options.out)


def _upscalers(options: Namespace, trained: Trained) -> dict[str, TrainedModel]:
    factor = options.upscale
    names = options.model or [f"upscale_x{factor}_{objective}" for objective in OBJECTIVES]
    models = {name: trained(name) for name in names}
    for name, model in models.items():
        if not isinstance(model.recipe, UpscaleRecipe) or model.recipe.network.factor != factor:
            raise TrainerError(f"{name} does not enlarge by {factor}")
    return models


def _methods(models: Mapping[str, TrainedModel], options: Namespace) -> dict[str, Upscaler]:
    methods = upscalers.methods(models, options.upscale)
    if options.match_histogram:
        return {name: match_histogram(method) for name, method in methods.items()}
    return methods


def _measured(model: TrainedModel, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "recipe_digest": model.recipe.digest,
        "training": model.training.model_dump(mode="json", exclude_none=True),
        "evaluation": evaluation,
    }
