"""What the recipes of all kinds of models share: metadata, stages, learning-rate schedule."""

import hashlib
import json
import math
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

FOLDER = Path(__file__).parent / "recipes"

Weight = Annotated[float, Field(ge=0)]


class Table(BaseModel):
    """A table of a recipe's file: frozen, and without keys that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Stage(Table):
    """A part of the schedule with one crop size and batch size."""

    steps: Annotated[int, Field(ge=1)]
    crop: Annotated[int, Field(ge=32, multiple_of=4)]
    """Side in pixels."""
    batch: Annotated[int, Field(ge=1)]
    """Images a step, over all processes."""


class ScheduleRecipe(Table):
    """Training schedule: stages, learning-rate schedule, seed."""

    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]
    peak_learning_rate: Annotated[float, Field(gt=0)]
    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the steps over which the learning rate rises; then it falls as a cosine."""
    seed: int = 0

    @property
    def steps(self) -> int:
        """Of all stages."""
        return sum(stage.steps for stage in self.stages)

    def learning_rate(self, step: int) -> float:
        """Learning-rate schedule: linear warm-up, then cosine decay to zero; ``step`` from 0.

        Loshchilov & Hutter 2017, arXiv:1608.03983, without restarts.
        """
        position = (step + 0.5) / self.steps
        if position < self.warmup:
            return self.peak_learning_rate * position / self.warmup
        falling = (position - self.warmup) / (1 - self.warmup)
        return self.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * falling))


class BaseRecipe(Table):
    """What a recipe of any kind of model has."""

    kind: str
    title: str
    licence: str
    data: str
    """Which photographs the shipped weights were trained on."""
    schedule: ScheduleRecipe
    init_from: str | None = None
    """The recipe whose trained weights this one starts from; none starts from random ones."""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the recipe's canonical JSON, without fields that are None."""
        canonical = json.dumps(self.model_dump(mode="json", exclude_none=True), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def with_steps(self, steps: int) -> Self:
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
