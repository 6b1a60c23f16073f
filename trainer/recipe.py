"""Recipes: all settings that a model's training depends on, from ``recipes/<name>.toml``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import tomlkit
from pydantic import Field, TypeAdapter, ValidationError, model_validator
from tomlkit.exceptions import ParseError

from trainer import atomic
from trainer.errors import TrainerError
from trainer.networks.style import Architecture, Norm, StyleNet
from trainer.networks.upscale import Factor, PaperUpscaleNet, UpscaleNet
from trainer.painter_recipe import PainterRecipe
from trainer.pretrained.vgg import Tap
from trainer.recipe_base import FOLDER, BaseRecipe, ScheduleRecipe, Stage, Table, Weight

MEASURED = "measured"
"""The table of a recipe's file with its model's evaluation; no part of the recipe."""


class StyleNetRecipe(Table):
    """Architecture of a style network."""

    architecture: Architecture = "paper"
    width: Annotated[int, Field(ge=4, le=128)] = 32
    norm: Norm = "instance"

    def build(self) -> StyleNet:
        return StyleNet(self.width, self.norm, self.architecture)


class StyleRecipe(Table):
    """The style image."""

    image: str
    """The painting: a file beside the recipe, or an absolute path."""
    short_side: Annotated[int, Field(ge=64)]
    """Short side in pixels at which its Gram matrices are computed: larger, larger strokes."""

    @property
    def file(self) -> Path:
        return FOLDER / self.image


class StylizeLossRecipe(Table):
    """Layers and weights of the losses of style transfer."""

    content_tap: Tap
    style_taps: tuple[Tap, ...] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    content_weight: Weight
    style_weight: Weight
    tv_weight: Weight
    saturation_weight: Weight
    imitation_weight: Weight | None = None
    """Of the distillation loss: the student's mean squared difference from its teacher's pixels,
    in levels of 255."""
    lattice_weight: Weight = 0.0
    """Of the checkerboard penalty with a period of two pixels, which sub-pixel networks need."""


class StylizeStage(Stage):
    style_scale: Annotated[float, Field(gt=0)] = 1.0
    """Factor of the style weight by the stage's end, in a line from the previous stage's; the first
    stage is constant. With a heavy style weight before it can draw the photograph, a network
    settles on a texture that ignores it; a jump would upset Adam's moments."""
    imitation: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of distillation in the objective by the stage's end, in a line as ``style_scale``; the
    rest is the perceptual losses. A stage at 1 needs no VGG, so it takes a fraction of the time."""


class StylizeScheduleRecipe(ScheduleRecipe):
    """Training schedule of a style, with weights that change linearly from stage to stage."""

    stages: Annotated[tuple[StylizeStage, ...], Field(min_length=1)]

    def style_scale(self, step: int) -> float:
        """Factor of the style weight at this step."""
        return self._in_lines(step, [stage.style_scale for stage in self.stages])

    def imitation(self, step: int) -> float:
        """Share of distillation in the objective at this step, in [0, 1]."""
        return self._in_lines(step, [stage.imitation for stage in self.stages])

    def _in_lines(self, step: int, ends: Sequence[float]) -> float:
        """Piecewise linear: constant in the first stage, then in a line to each stage's end."""
        begin, before = 0, ends[0]
        for stage, end in zip(self.stages, ends, strict=True):
            if step < begin + stage.steps:
                return before + (end - before) * (step - begin) / stage.steps
            begin, before = begin + stage.steps, end
        return before


class StylizeRecipe(BaseRecipe):
    """Recipe of a style network."""

    kind: Literal["stylize"] = "stylize"
    network: StyleNetRecipe
    style: StyleRecipe
    loss: StylizeLossRecipe
    schedule: StylizeScheduleRecipe
    teacher: str | None = None
    """The recipe whose trained network is the teacher of distillation."""

    needs_vgg: ClassVar[bool] = True

    def build(self) -> StyleNet:
        return self.network.build()

    @model_validator(mode="after")
    def _imitation_is_complete(self) -> Self:
        imitates = any(stage.imitation for stage in self.schedule.stages)
        if imitates and (self.teacher is None or self.loss.imitation_weight is None):
            raise ValueError("to imitate takes a teacher and a loss.imitation_weight")
        return self

    def with_style_image(self, image: Path) -> Self:
        """The same recipe for another painting, without the teacher, which has not seen it."""
        alone = [stage.model_copy(update={"imitation": 0.0}) for stage in self.schedule.stages]
        return self.model_copy(
            update={
                "style": self.style.model_copy(update={"image": str(image.absolute())}),
                "schedule": self.schedule.model_copy(update={"stages": tuple(alone)}),
                "teacher": None,
            }
        )

    def for_painting(self, image: Path, title: str, init_from: str | None) -> Self:
        """The same recipe for a painting and photographs of one's own."""
        return self.with_style_image(image).model_copy(
            update={
                "title": title,
                "licence": "not stated",
                "data": "photographs that are not published",
                "init_from": init_from,
            }
        )


class UpscaleNetRecipe(Table):
    """Architecture of an upscaler."""

    architecture: Architecture
    factor: Factor
    width: Annotated[int, Field(ge=4, le=256)] = 64
    blocks: Annotated[int, Field(ge=1, le=32)]

    def build(self) -> UpscaleNet | PaperUpscaleNet:
        network = PaperUpscaleNet if self.architecture == "paper" else UpscaleNet
        return network(self.factor, self.width, self.blocks)


class UpscaleLossRecipe(Table):
    """Pixel and feature loss of super-resolution, and their weights."""

    pixel: Literal["l1", "l2"]
    """Mean absolute or mean squared difference of pixels, in levels of 255."""
    pixel_weight: Weight
    features: Mapping[Tap, Weight] = {}
    """Weights of the feature loss: mean squared differences of VGG's activations, by tap."""
    lattice_weight: Weight = 0.0
    """Of the checkerboard penalty, whose period is the factor."""


class UpscaleRecipe(BaseRecipe):
    """Recipe of an upscaler."""

    kind: Literal["upscale"] = "upscale"
    objective: Literal["pixel", "feature"]
    network: UpscaleNetRecipe
    blur_sigma: Annotated[float, Field(ge=0)]
    """Sigma of the Gaussian blur before downsampling, in pixels of the photograph; 0 for none."""
    loss: UpscaleLossRecipe
    schedule: ScheduleRecipe

    @property
    def needs_vgg(self) -> bool:
        return bool(self.loss.features)

    def build(self) -> UpscaleNet | PaperUpscaleNet:
        return self.network.build()

    @model_validator(mode="after")
    def _crops_shrink_evenly(self) -> Self:
        for stage in self.schedule.stages:
            if stage.crop % self.network.factor:
                raise ValueError(f"a crop of {stage.crop} is no multiple of {self.network.factor}")
        return self


Recipe = StylizeRecipe | PainterRecipe | UpscaleRecipe
_RECIPE: TypeAdapter[Recipe] = TypeAdapter(Annotated[Recipe, Field(discriminator="kind")])


def from_json(text: str) -> Recipe:
    """The recipe that ``model_dump_json`` wrote; raises pydantic's ValidationError."""
    return _RECIPE.validate_json(text)


def names() -> list[str]:
    """The recipes that there are."""
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def painter_of(name: str) -> str | None:
    """The Painter's recipe with a painting of this name, if no recipe has the name."""
    if name not in names():
        for other in names():
            followed = load(other)
            if isinstance(followed, PainterRecipe) and followed.shows(name):
                return other
    return None


def load(name: str) -> Recipe:
    """The recipe ``recipes/<name>.toml``; raises TrainerError naming those that exist."""
    document = _read(name).unwrap()
    document.pop(MEASURED, None)
    try:
        return _RECIPE.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise TrainerError(f"{_file(name)}: {place}: {first['msg']}") from error


def evaluation_of(name: str, trained: Recipe) -> dict[str, Any] | None:
    """The evaluation in the recipe's file, or None if it is not of the recipe ``trained``."""
    if name not in names():
        return None
    measured = _read(name).unwrap().get(MEASURED, {})
    if measured.get("recipe_digest") != trained.digest:
        return None
    evaluation: dict[str, Any] = measured["evaluation"]
    return evaluation


def record(name: str, figures: Mapping[str, Any]) -> None:
    """Write a model's evaluation into the recipe's file, whose comments stay."""
    document = _read(name)
    document[MEASURED] = figures
    atomic.write(_file(name), tomlkit.dumps(document).encode())


def _file(name: str) -> Path:
    return FOLDER / f"{name}.toml"


def _read(name: str) -> tomlkit.TOMLDocument:
    if name not in names():
        raise TrainerError(f"no recipe {name!r}; there are: {', '.join(names())}")
    try:
        return tomlkit.parse(_file(name).read_text())
    except ParseError as error:
        raise TrainerError(f"{_file(name)}: {error}") from error
