"""Trained styles by name: of networks that have one style, and of Painters that have many.

A Painter's style has its painting's name, `udnie`, unless a recipe has it; `painter/udnie` always
means the Painter's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from trainer import recipe
from trainer.errors import TrainerError
from trainer.evaluation.served_style import ServedStyle
from trainer.networks.painter import Painter
from trainer.networks.served import ServedStyleNet
from trainer.networks.served_painter import ServedPainter
from trainer.networks.style import StyleNet
from trainer.painter_recipe import PainterRecipe, PaintingRecipe
from trainer.recipe import StylizeRecipe
from trainer.weights_file import Trained, TrainedModel


@dataclass(frozen=True, eq=False)
class SingleStyle:
    """The style of a StyleNet."""

    name: str
    """Of the model."""
    model: TrainedModel
    recipe: StylizeRecipe

    @property
    def label(self) -> str:
        """What is painted, whichever network does it."""
        return self.file.stem

    @property
    def title(self) -> str:
        return self.recipe.title

    @property
    def file(self) -> Path:
        """The painting."""
        return self.recipe.style.file

    @property
    def short_side(self) -> int:
        """Of the painting, in pixels, that the strokes are of."""
        return self.recipe.style.short_side

    def served(self) -> ServedStyle:
        assert isinstance(self.model.network, StyleNet)
        return ServedStyle(ServedStyleNet(self.model.network).eval())


@dataclass(frozen=True, eq=False)
class PainterStyle:
    """One of the styles of a Painter."""

    name: str
    """Of the model."""
    model: TrainedModel
    recipe: PainterRecipe
    place: int
    """Which of the recipe's paintings."""

    @property
    def painting(self) -> PaintingRecipe:
        return self.recipe.paintings[self.place]

    @property
    def label(self) -> str:
        """What is painted, whichever network does it."""
        return self.painting.name

    @property
    def title(self) -> str:
        return self.painting.title

    @property
    def file(self) -> Path:
        """The painting."""
        return self.painting.file

    @property
    def short_side(self) -> int:
        """Of the painting, in pixels, that the default strokes are of."""
        return self.recipe.strokes[len(self.recipe.strokes) // 2]

    @property
    def rows(self) -> Tensor:
        """float32 [strokes, D], the smallest strokes first."""
        assert isinstance(self.model.network, Painter)
        strokes = len(self.recipe.strokes)
        return self.model.network.rows.detach()[self.place * strokes :][:strokes]

    def served(self) -> ServedStyle:
        assert isinstance(self.model.network, Painter)
        rows = self.rows
        network = ServedPainter(self.model.network.body).eval()
        return ServedStyle(network, rows[len(rows) // 2])


TrainedStyle = SingleStyle | PainterStyle


def styles_of(name: str, model: TrainedModel) -> Sequence[TrainedStyle]:
    """All styles of a model of this name; raises TrainerError if it has none."""
    if isinstance(model.recipe, StylizeRecipe):
        return [SingleStyle(name, model, model.recipe)]
    if isinstance(model.recipe, PainterRecipe):
        places = range(len(model.recipe.paintings))
        return [PainterStyle(name, model, model.recipe, place) for place in places]
    raise TrainerError(f"{name} is not a style")


def find_all(name: str, trained: Trained) -> Sequence[TrainedStyle]:
    """The style of this name, or all of a Painter; raises TrainerError if there is none."""
    painter, _, painting = name.rpartition("/")
    painter = painter or recipe.painter_of(name) or ""
    if not painter:
        return styles_of(name, trained(name))
    styles = styles_of(painter, trained(painter))
    found = [of for of in styles if isinstance(of, PainterStyle) and of.painting.name == painting]
    if not found:
        raise TrainerError(f"{painter} has no style {painting!r}")
    return found


def find(name: str, trained: Trained) -> TrainedStyle:
    """The one style of this name; raises TrainerError if there is none, or more than one."""
    found = find_all(name, trained)
    if len(found) > 1:
        raise TrainerError(f"{name} has {len(found)} styles; choose one: {name}/PAINTING")
    return found[0]


def find_painter_style(name: str, trained: Trained) -> PainterStyle:
    """The one style of a Painter of this name; raises TrainerError if there is none."""
    found = find(name, trained)
    if not isinstance(found, PainterStyle):
        raise TrainerError(f"{name} is not of a Painter; is it painter/{name}?")
    return found


def painter_styles(name: str, trained: Trained) -> list[PainterStyle]:
    """All styles of a Painter, or one; raises TrainerError if ``name`` is none of a Painter."""
    styles = [style for style in find_all(name, trained) if isinstance(style, PainterStyle)]
    if not styles:
        raise TrainerError(f"{name} is not a Painter")
    return styles
