"""Image files made by Pillow, and what they hold."""

from io import BytesIO
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.images.codec import Picture, open_image
from service.images.sizes import stylized


def file_of(image: Image.Image, format: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def encoded(pixels: NDArray[np.uint8], format: str = "png", **options: Any) -> bytes:
    return file_of(Image.fromarray(pixels), format, **options)


def decoded(response: httpx.Response) -> NDArray[np.uint8]:
    """The picture of an answer, which has to be 200."""
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(BytesIO(response.content)))


def read(body: bytes, max_pixels: int = 10**7, max_side: int | None = None) -> Picture:
    """What the service's codec makes of a file."""
    with open_image(body, max_pixels) as image:
        return image.decode(stylized(image.size, max_side, max_pixels))
