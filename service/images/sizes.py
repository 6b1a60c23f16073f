"""Which sizes of images are transformed: one rule a transformation, applied to a file's header."""

import math
from dataclasses import dataclass

from service.images.codec import ImageFormat, Size, check_holds
from service.problems import ImageSizeOutOfRange


@dataclass(frozen=True)
class Stylized:
    """Shrinks images until the longer side is at most ``max_side``."""

    max_side: int | None
    max_pixels: int
    """Largest image that is transformed, once shrunk."""
    format: ImageFormat | None
    """Of the answer; None is the input's own."""

    MIN_SIDE = 16  # of what style networks take

    def __call__(self, stored: Size, own_format: ImageFormat) -> Size:
        if min(stored) < self.MIN_SIDE:
            raise ImageSizeOutOfRange(
                f"The image has {stored[0]}x{stored[1]} pixels; "
                f"at least {self.MIN_SIDE} a side are needed."
            )
        width, height = size = self._shrunk(stored, self.max_side)
        if width * height > self.max_pixels:
            fitting = int(max(stored) * math.sqrt(self.max_pixels / math.prod(stored)))
            while math.prod(self._shrunk(stored, fitting)) > self.max_pixels:
                fitting -= 1  # the shorter side may round up
            raise ImageSizeOutOfRange(
                f"The image has {width}x{height} = {width * height} pixels; at most "
                f"{self.max_pixels} are transformed at once. With max_side={fitting} it fits.",
                max_side=fitting,
            )
        check_holds(self.format or own_format, size)
        return size

    def _shrunk(self, size: Size, max_side: int | None) -> Size:
        longer = max(size)
        if max_side is None or longer <= max_side:
            return size
        width, height = (max(self.MIN_SIDE, round(side * max_side / longer)) for side in size)
        return width, height


@dataclass(frozen=True)
class Upscaled:
    """Takes images as they are, down to a single pixel, if the answer is not too large."""

    factor: int
    max_pixels: int
    """Largest answer."""
    format: ImageFormat | None
    """Of the answer; None is the input's own."""

    def __call__(self, stored: Size, own_format: ImageFormat) -> Size:
        width, height = (side * self.factor for side in stored)
        if width * height > self.max_pixels:
            most = self.max_pixels // self.factor**2
            longer = min(most, int(max(stored) * math.sqrt(most / math.prod(stored))))
            shorter = min(*stored, longer, most // longer)
            fitting = (longer, shorter) if width > height else (shorter, longer)
            raise ImageSizeOutOfRange(
                f"The answer would have {width}x{height} = {width * height} pixels; at most "
                f"{self.max_pixels} are answered. An image of {fitting[0]}x{fitting[1]} fits."
            )
        check_holds(self.format or own_format, (width, height))
        return stored
