"""Which sizes of images are transformed, and how large the result is; known from the header."""

import math

from service.images.formats import Size
from service.problems import ImageSizeOutOfRange

MIN_STYLIZED_SIDE = 16
"""Pixels a side that style networks need."""


def check_stored(size: Size, max_pixels: int, images: int = 1) -> None:
    """Raises ImageSizeOutOfRange if ``images`` of this size have more than ``max_pixels``."""
    pixels = images * math.prod(size)
    if pixels > max_pixels:
        raise ImageSizeOutOfRange(
            f"{_described(size, images)} = {pixels} pixels; at most {max_pixels} are taken."
        )


def check_stylizable(size: Size, max_pixels: int) -> None:
    """Raises ImageSizeOutOfRange unless an image of this size is stylised in one run."""
    _check_min_side(size, MIN_STYLIZED_SIDE)
    if math.prod(size) > max_pixels:
        raise _too_large(size, max_pixels)


def stylized(stored: Size, max_side: int | None, max_pixels: int) -> Size:
    """The size to decode to: with the longer side shrunk to ``max_side``.

    Raises ImageSizeOutOfRange if that is more than ``max_pixels``, naming a ``max_side`` that fits.
    """
    _check_min_side(stored, MIN_STYLIZED_SIDE)
    size = _shrunk(stored, max_side)
    if math.prod(size) > max_pixels:
        fitting = int(max(stored) * math.sqrt(max_pixels / math.prod(stored)))
        while math.prod(_shrunk(stored, fitting)) > max_pixels:
            fitting -= 1  # the shorter side may round up
        raise _too_large(size, max_pixels, fitting)
    return size


def upscaled(stored: Size, factor: int, max_pixels: int, images: int = 1) -> Size:
    """The size of the result of upscaling ``images`` of this size, each down to a single pixel.

    Raises ImageSizeOutOfRange if the results have more than ``max_pixels`` together, naming the
    largest image of these proportions that fits.
    """
    _check_min_side(stored, 1)
    width, height = (side * factor for side in stored)
    pixels = images * width * height
    if pixels > max_pixels:
        most = max_pixels // factor**2 // images
        longer = min(most, int(max(stored) * math.sqrt(most / math.prod(stored))))
        hint = ""
        if longer:
            shorter = min(*stored, longer, most // longer)
            fitting = (longer, shorter) if width > height else (shorter, longer)
            hint = f" An image of {fitting[0]}x{fitting[1]} fits."
        count = f"{images} images of " if images > 1 else ""
        raise ImageSizeOutOfRange(
            f"The answer would have {count}{width}x{height} = {pixels} pixels; at most "
            f"{max_pixels} are answered.{hint}"
        )
    return width, height


def _check_min_side(size: Size, least: int) -> None:
    if min(size) < least:
        raise ImageSizeOutOfRange(
            f"The image has {size[0]}x{size[1]} pixels; at least {least} a side are needed."
        )


def _shrunk(size: Size, max_side: int | None) -> Size:
    longer = max(size)
    if max_side is None or longer <= max_side:
        return size
    width, height = (max(MIN_STYLIZED_SIDE, round(side * max_side / longer)) for side in size)
    return width, height


def _too_large(size: Size, max_pixels: int, max_side: int | None = None) -> ImageSizeOutOfRange:
    hint = "" if max_side is None else f" With max_side={max_side} it fits."
    return ImageSizeOutOfRange(
        f"{_described(size)} = {math.prod(size)} pixels; at most {max_pixels} are transformed at "
        f"once.{hint}",
        max_side=max_side,
    )


def _described(size: Size, images: int = 1) -> str:
    return f"The {f'{images} images have' if images > 1 else 'image has'} {size[0]}x{size[1]}"
