"""The job of transforming one image file: opened, charged for, decoded; and encoded again."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.auth.keys import Client
from service.images import codec, transparency
from service.images.codec import Picture
from service.images.formats import ImageFormat, check_holds
from service.models.catalog import Model
from service.models.runtime import Inputs
from service.serving.operation import Operation
from service.serving.transformation import Upscaling
from service.settings import Settings


@dataclass(frozen=True)
class File:
    """An encoded image."""

    body: bytes
    format: ImageFormat


@dataclass(frozen=True)
class ImageJob:
    """The job of transforming one image file."""

    operation: Operation
    body: bytes
    limits: Settings
    deadline: float | None = None
    """When the answer stops being of use, in the event loop's time."""
    client: Client | None = None
    """Who is charged for the pixels that the network is given."""

    @property
    def name(self) -> str:
        return self.operation.name

    @property
    def model(self) -> Model:
        return self.operation.model

    def decode(self) -> tuple[tuple[Picture, ImageFormat], Sequence[Inputs]]:
        """Raises UnsupportedImage, BrokenImage, ImageSizeOutOfRange or LimitExceeded."""
        transformation = self.operation.transformation
        with codec.open_image(self.body, self.limits.max_image_pixels) as image:
            size, result_size = transformation.decoded_and_result_size(image.size, self.limits)
            format = transformation.format or image.output_format
            check_holds(format, result_size)
            if self.client is not None:
                self.client.charge_pixels(math.prod(size))
            picture = image.decode(size)
        if picture.alpha is not None and isinstance(transformation, Upscaling):
            filled = transparency.fill(picture.pixels, picture.alpha)
            picture = replace(picture, pixels=filled)
        return (picture, format), [{"image": picture.pixels, **self.operation.inputs}]

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
        return File(codec.encode(picture, format, self.operation.transformation.quality), format)
