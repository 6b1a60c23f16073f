"""Transformations of pictures: their parameters, and the work of applying one to an image file."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from service.auth.keys import Client
from service.images import codec, sizes, transparency
from service.images.codec import Picture
from service.images.formats import ImageFormat, Size, check_holds
from service.models.catalog import Model, Objective
from service.models.runtime import Inputs
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

    def fingerprint(self, model: Model, body: bytes) -> str:
        """SHA-256 (hex) of all that the result depends on; the same for a default given or not."""
        parameters = self.model_dump_json(exclude_defaults=True)
        sha = hashlib.sha256(f"{model.digest} {parameters}\n".encode())
        sha.update(body)
        return sha.hexdigest()


class Stylization(Transformation):
    """Paints a photograph in a style, in the photograph's own size."""

    strength: float = Field(
        1.0, ge=0, le=1, description="0 gives the photograph back, 1 the full style"
    )
    preserve_color: bool = Field(
        False, description="keep the photograph's colours under the painting's strokes"
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


@dataclass(frozen=True)
class File:
    """An encoded image."""

    body: bytes
    format: ImageFormat


@dataclass(frozen=True)
class ImageJob:
    """The job of transforming one image file."""

    model: Model
    transformation: Transformation
    body: bytes
    limits: Settings
    deadline: float | None = None
    """When the answer stops being of use, in the event loop's time."""
    client: Client | None = None
    """Who is charged for the pixels that the network is given."""

    def decode(self) -> tuple[tuple[Picture, ImageFormat], Sequence[Inputs]]:
        """Raises UnsupportedImage, BrokenImage, ImageSizeOutOfRange or LimitExceeded."""
        with codec.open_image(self.body, self.limits.max_image_pixels) as image:
            size, result_size = self.transformation.decoded_and_result_size(image.size, self.limits)
            format = self.transformation.format or image.output_format
            check_holds(format, result_size)
            if self.client is not None:
                self.client.charge_pixels(math.prod(size))
            picture = image.decode(size)
        if picture.alpha is not None and isinstance(self.transformation, Upscaling):
            filled = transparency.fill(picture.pixels, picture.alpha)
            picture = replace(picture, pixels=filled)
        return (picture, format), [{"image": picture.pixels, **self.transformation.inputs}]

    def encode(
        self, source: tuple[Picture, ImageFormat], outputs: Sequence[NDArray[np.uint8]]
    ) -> File:
        """The output with the alpha and the copyright notice of its source."""
        picture, format = source
        (pixels,) = outputs
        alpha = picture.alpha
        if alpha is not None:
            alpha = transparency.resize(alpha, *pixels.shape[:2])
        picture = replace(picture, pixels=pixels, alpha=alpha)
        return File(codec.encode(picture, format, self.transformation.quality), format)
