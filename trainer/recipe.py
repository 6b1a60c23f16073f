"""A recipe: everything needed to train one model again, read from ``recipes/<name>.toml``."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from trainer.errors import TrainerError
from trainer.networks import Norm
from trainer.vgg import Tap

FOLDER = Path(__file__).parent / "recipes"

Weight = Annotated[float, Field(ge=0)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkRecipe(_Table):
    width: Annotated[int, Field(ge=4, le=128)] = 32
    norm: Norm = "instance"


class StyleRecipe(_Table):
    image: str
    """The painting: a file beside the recipe, or an absolute path."""
    short_side: Annotated[int, Field(ge=64)]
    """Short side in pixels at which its Gram matrices are taken: larger gives larger strokes."""

    @property
    def file(self) -> Path:
        return FOLDER / self.image


class LossRecipe(_Table):
    content_tap: Tap
    style_taps: tuple[Tap, ...] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    content_weight: Weight
    style_weight: Weight
    tv_weight: Weight
    saturation_weight: Weight


class Stage(_Table):
    """A part of the schedule with one crop size (pixels) and batch size."""

    steps: Annotated[int, Field(ge=1)]
    crop: Annotated[int, Field(ge=32, multiple_of=4)]
    batch: Annotated[int, Field(ge=1)]


class ScheduleRecipe(_Table):
    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    peak_learning_rate: Annotated[float, Field(gt=0)]
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the steps over which the learning rate rises; it falls as a cosine after that."""
    seed: int = 0

    @property
    def steps(self) -> int:
        return sum(stage.steps for stage in self.stages)


class Recipe(_Table):
    kind: Literal["stylize"] = "stylize"
    title: str
    licence: str
    data: str
    """Which photographs the shipped weights were trained on."""
    network: NetworkRecipe
    style: StyleRecipe
    loss: LossRecipe
    schedule: ScheduleRecipe

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the recipe."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def with_steps(self, steps: int) -> "Recipe":
        """The same recipe with its stages shortened or stretched to ``steps`` steps in all."""
        stages, spent, planned = [], 0, 0
        for stage in self.schedule.stages:
            planned += stage.steps
            until = round(steps * planned / self.schedule.steps)
            if until > spent:
                stages.append(stage.model_copy(update={"steps": until - spent}))
            spent = until
        schedule = self.schedule.model_copy(update={"stages": tuple(stages)})
        return self.model_copy(update={"schedule": schedule})

    def with_style_image(self, image: Path) -> "Recipe":
        style = self.style.model_copy(update={"image": str(image.absolute())})
        return self.model_copy(update={"style": style})


def names() -> list[str]:
    return sorted(file.stem for file in FOLDER.glob("*.toml"))


def load(name: str) -> Recipe:
    """The recipe ``recipes/<name>.toml``; raises TrainerError naming those that exist."""
    if name not in names():
        raise TrainerError(f"no recipe {name!r}; there are: {', '.join(names())}")
    file = FOLDER / f"{name}.toml"
    try:
        return Recipe.model_validate(tomllib.loads(file.read_text()))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise TrainerError(f"{file}: {error}") from error
