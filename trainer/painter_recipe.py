"""The recipe of a Painter: one network and a gallery of paintings, each at several stroke sizes."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from trainer.networks.painter import Painter, PainterNet
from trainer.recipe_base import FOLDER, BaseRecipe, ScheduleRecipe, Stage, Table, Weight


class PaintingRecipe(Table):
    name: str
    title: str
    painter: str
    year: str
    image: str
    """The painting's characteristic part: a file beside the recipe, or an absolute path."""
    style_weight: Annotated[float, Field(gt=0)] = 1.0
    """Multiplies the loss's, where a painting asks for more or less of its manner."""

    @property
    def file(self) -> Path:
        return FOLDER / self.image


class PainterNetRecipe(Table):
    width: Annotated[int, Field(ge=4, le=128)]


class PainterLossRecipe(Table):
    """Weights of relative errors (content, style), and of what keeps pictures clean and steady."""

    drawing_weight: Weight
    """Of the mean squared difference from the photograph's pixels, in units of the range."""
    content_weight: Weight
    style_weight: Weight
    tv_weight: Weight
    saturation_weight: Weight
    lattice_weight: Weight
    consistency_weight: Weight


class PainterStage(Stage):
    paintings: Annotated[int, Field(ge=1)] | None = None
    """The first so many are trained, all by default: a body learns to paint sooner from a few."""
    one_stroke: bool = False
    """Paintings are shown at their middle size alone, and what sizes have in common is trained."""
    steady: bool = True
    """Photographs are relit and moved, and pictures should be the same. A body that cannot paint
    yet would rather ignore the photograph."""


class PainterScheduleRecipe(ScheduleRecipe):
    stages: Annotated[tuple[PainterStage, ...], Field(min_length=1)]
    decay: Annotated[float, Field(gt=0, lt=1)]
    """Share of the steps, at the end, over which the learning rate falls to zero. Before, it is
    constant, so that a long training can be stretched or cut short until then."""
    drawing_steps: Annotated[int, Field(ge=1)]
    """For so many steps the photograph itself is drawn, pixel by pixel, and for as many more that
    fades out. From random weights, grey would be a trap: Gram matrices are quadratic in contrast,
    so there hardly any gradient asks for more of it."""
    ramp_from: Annotated[float, Field(gt=0, le=1)]
    ramp_steps: Annotated[int, Field(ge=1)]
    """Over so many steps the style weight grows from ``ramp_from`` of itself to the whole. A
    network that meets it before it can draw settles on a texture that ignores the photograph."""

    def learning_rate(self, step: int) -> float:
        """A linear rise over the warm-up, then constant, at last half a cosine down to zero."""
        position = (step + 0.5) / self.steps
        if position < self.warmup:
            return self.peak_learning_rate * position / self.warmup
        falling = max(0.0, 1 - (1 - position) / self.decay)
        return self.peak_learning_rate * 0.5 * (1 + math.cos(math.pi * falling))

    def drawing(self, step: int) -> float:
        """The share of drawing in the objective at this step; the rest is painting."""
        return min(1.0, max(0.0, 2 - step / self.drawing_steps))

    def stage(self, step: int) -> PainterStage:
        """The stage that a step is of."""
        for stage in self.stages:
            step -= stage.steps
            if step < 0:
                return stage
        return self.stages[-1]

    def style_scale(self, step: int) -> float:
        """What the style weight is multiplied by at this step."""
        return self.ramp_from + (1 - self.ramp_from) * min(1.0, step / self.ramp_steps)


class PainterRecipe(BaseRecipe):
    kind: Literal["painter"] = "painter"
    network: PainterNetRecipe
    loss: PainterLossRecipe
    schedule: PainterScheduleRecipe
    strokes: Annotated[tuple[int, ...], Field(min_length=1)]
    """Short sides in pixels at which a painting is shown: larger ones give larger strokes."""
    paintings: Annotated[tuple[PaintingRecipe, ...], Field(min_length=1)]
    fitting: PainterScheduleRecipe
    """By which rows of other paintings are fitted to the body that the schedule leads to."""
    body: str | None = None
    """The trained Painter whose body stays as it is while the rows are trained; none trains one."""
    fitted_later: tuple[PaintingRecipe, ...] = ()
    """Left out of the joint training, to see what fitting is worth."""

    needs_vgg: ClassVar[bool] = True

    def build(self) -> Painter:
        body = PainterNet(self.network.width)
        painter = Painter(body, len(self.paintings), len(self.strokes))
        if self.body is not None:
            painter.freeze()
        return painter

    def fitted(self, painting: PaintingRecipe, body: str) -> Self:
        """The recipe that fits a painting's rows to the body that this one led to."""
        return self.model_copy(
            update={
                "title": painting.title,
                "paintings": (painting,),
                "fitted_later": (),
                "schedule": self.fitting,
                "body": body,
            }
        )

    def for_painting(self, image: Path, name: str, body: str) -> Self:
        """The same for a painting and photographs of one's own."""
        stated = {"title": name, "painter": "not stated", "year": "not stated"}
        painting = PaintingRecipe(name=name, image=str(image.absolute()), **stated)
        return self.fitted(painting, body).model_copy(
            update={"licence": "not stated", "data": "photographs that are not published"}
        )

    def shows(self, name: str) -> bool:
        """Whether a painting of this name is trained by the schedule."""
        return name in {painting.name for painting in self.paintings}

    def trained_rows(self, stage: PainterStage) -> Sequence[int]:
        """Which rows of the table a stage trains."""
        strokes = len(self.strokes)
        count = stage.paintings or len(self.paintings)
        first, step = (strokes // 2, strokes) if stage.one_stroke else (0, 1)
        return range(first, count * strokes, step)

    @property
    def rows(self) -> Sequence[tuple[PaintingRecipe, int]]:
        """The painting and the short side that each row of the network's table is trained for."""
        return [(painting, side) for painting in self.paintings for side in self.strokes]
