"""Image files made by Pillow, and what the codec reads of them."""

from io import BytesIO

from PIL import Image

from service.codec import Picture, decode
from service.sizes import Stylized


def file_of(image: Image.Image, format: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def read(body: bytes, max_pixels: int = 10**7, max_side: int | None = None) -> Picture:
    rule = Stylized(max_side, max_pixels, format="png")
    return decode(body, max_pixels=max_pixels, size_rule=rule)
