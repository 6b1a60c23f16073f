"""Cards: what each kind of model, and each style of a Painter, says of itself in its card.json."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from service.images.tiling import MAX_MARGIN

Kind = Literal["stylize", "painter", "upscale"]
Objective = Literal["feature", "pixel"]


class _Card(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)

    title: str
    licence: str
    created: str


class StyleCard(_Card):
    """Of a network that paints in one style, or of a Painter's style."""

    kind: Literal["stylize"]
    factor: int = 1


class PainterCard(_Card):
    """Of a network that paints in many styles, each of them a row of numbers that it is given."""

    kind: Literal["painter"]
    factor: int = 1


class UpscaleCard(_Card):
    kind: Literal["upscale"]
    factor: int = Field(ge=2)
    objective: Objective
    """What the network was trained for: likeness to VGG's features, or to pixels."""
    receptive_field: int = Field(ge=0, le=MAX_MARGIN)
    """How many input pixels away, in each direction, an output pixel can depend on."""


Card = Annotated[StyleCard | PainterCard | UpscaleCard, Field(discriminator="kind")]
"""What a model says of itself. Fields beyond these are passed on as they are."""
MODEL_CARD: TypeAdapter[StyleCard | PainterCard | UpscaleCard] = TypeAdapter(Card)
