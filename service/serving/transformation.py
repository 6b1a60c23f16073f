"""Transformations of pictures: their parameters, with bounds and defaults, whoever gives them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from service.images import sizes
from service.images.formats import ImageFormat, Size
from service.models.cards import Objective
from service.models.rows import LARGEST_STROKE, OWN_STROKE, SMALLEST_STROKE
from service.serving.blend import Blend
from service.settings import Settings


class Transformation(BaseModel):
    """What is made of a picture: the query of a request, the options of a command."""

    model_config = ConfigDict(frozen=True)

    format: ImageFormat | None = Field(
        None,
        description="format of the result; by default what the Accept header of a request names, "
        "else the input's own",
    )
    quality: int = Field(90, ge=1, le=100, description="of jpeg, webp and avif")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown(cls, given: dict[str, Any]) -> dict[str, Any]:
        known = {field.alias or name for name, field in cls.model_fields.items()}
        unknown = ", ".join(sorted(given.keys() - known))
        if unknown:
            there_are = ", ".join(sorted(known))
            raise PydanticCustomError(
                "unknown_parameter",
                "there is no parameter {unknown}; there are: {there_are}",
                {"unknown": unknown, "there_are": there_are},
            )
        return given

    @property
    def inputs(self) -> Mapping[str, np.float32]:
        """The graph's inputs besides the image."""
        return {}

    def decoded_and_result_size(self, stored: Size, limits: Settings) -> tuple[Size, Size]:
        """Sizes that an image is decoded to and answered in. Raises ImageSizeOutOfRange."""
        raise NotImplementedError


class Stylization(Transformation):
    """Paints a photograph in a style, in the photograph's own size."""

    strength: float = Field(
        1.0, ge=0, le=1, description="0 gives the photograph back, 1 the full style"
    )
    preserve_color: bool = Field(
        False, description="keep the photograph's colours under the painting's strokes"
    )
    blend: Blend | None = Field(
        None,
        description="other styles of the same network and their shares, NAME:WEIGHT[,NAME:WEIGHT]; "
        "the rest of the weight, up to 1, is the style's own",
    )
    stroke: float = Field(
        OWN_STROKE,
        ge=SMALLEST_STROKE,
        le=LARGEST_STROKE,
        description="size of the strokes, as a multiple of the style's own",
    )
    max_side: int | None = Field(
        None, ge=16, le=65535, description="shrink the longer side to this many pixels"
    )

    @property
    def inputs(self) -> Mapping[str, np.float32]:
        return {
            "strength": np.float32(self.strength),
            "preserve_color": np.float32(self.preserve_color),
        }

    def decoded_and_result_size(self, stored: Size, limits: Settings) -> tuple[Size, Size]:
        size = sizes.stylized(stored, self.max_side, limits.max_stylize_pixels)
        return size, size


class Upscaling(Transformation):
    """Enlarges an image of any size; the result's sides are exactly ``factor`` times as long."""

    factor: int = Field(
        4, description="how many times each side grows: 4 or 8, as GET /models lists them"
    )
    objective: Objective = Field(
        "feature",
        alias="model",
        description="feature draws sharp detail, pixel stays nearest to the given pixels",
    )

    def decoded_and_result_size(self, stored: Size, limits: Settings) -> tuple[Size, Size]:
        return stored, sizes.upscaled(stored, self.factor, limits.max_upscaled_pixels)
