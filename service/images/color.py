"""Conversion of samples of any depth and colour space to eight-bit sRGB."""

from functools import lru_cache
from io import BytesIO

import numpy as np
from PIL import Image, ImageCms, ImageFile, TiffImagePlugin

from service.problems import UnsupportedImage

_PROFILE_MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_MAX_PROFILE_BYTES = 2**22  # the largest for print are under 3 MiB


def to_eight_bits(image: ImageFile.ImageFile, body: bytes) -> Image.Image:
    """The image in mode L, LA, RGB, RGBA or CMYK, whichever is nearest to how it is stored."""
    match image.mode:
        case "I;16" | "I;16B":
            return _from_sixteen_bits(image)
        case "P" | "PA":
            return image.convert("RGBA" if image.has_transparency_data else "RGB")
        case "1" | "L" | "RGB" if "transparency" in image.info:
            if image.format == "PNG" and image.mode != "1":
                # Pillow leaves the transparent colour at the file's depth, unlike the pixels.
                clear = image.info["transparency"]
                if (depth := body[24]) == 16:
                    image.info["transparency"] = tuple(sample >> 8 for sample in clear)
                elif depth < 8:
                    image.info["transparency"] = clear * 255 // (2**depth - 1)
            return image.convert("RGBA" if image.mode == "RGB" else "LA")
        case "1" | "La" | "YCbCr" | "LAB":
            return image.convert({"1": "L", "La": "LA"}.get(image.mode, "RGB"))
        case "L" | "LA" | "RGB" | "RGBA" | "CMYK":
            return image
    raise UnsupportedImage("Send an image of 8 or 16 bits a sample, not of 32 nor of fractions.")


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    """Scales the largest sample to white, where Pillow's convert would clip at 255."""
    levels = np.arange(2**16)
    white = 2**16 - 1
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        white = 2 ** image.tag_v2[TiffImagePlugin.BITSPERSAMPLE][0] - 1
        if image.tag_v2.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0:  # white is zero
            levels = white - levels
    scaled = np.clip((levels * 255 + white // 2) // white, 0, 255).astype(np.uint8)
    samples = np.asarray(image)
    grey = Image.fromarray(scaled[samples])
    if (clear := image.info.get("transparency")) is not None:
        grey.putalpha(Image.fromarray(np.where(samples == clear, 0, 255).astype(np.uint8)))
    return grey


def is_srgb(profile: object) -> bool:
    """Whether ``to_srgb`` leaves an RGB picture with this profile as it is."""
    mode, transform = _usable(profile)
    return mode != "RGB" or transform is None


def to_srgb(picture: Image.Image, profile: object) -> Image.Image:
    """The picture in mode RGB; a profile that is broken or for another mode is ignored."""
    mode, transform = _usable(profile)
    if (mode, picture.mode) == ("RGB", "L"):
        picture = picture.convert("RGB")
    if transform is not None and mode == picture.mode:
        return transform.apply(picture)
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def _usable(profile: object) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    if isinstance(profile, bytes) and len(profile) <= _MAX_PROFILE_BYTES:
        return _transform(profile)
    return "", None


# Building a transform costs as much as transforming a picture; lcms2 lets threads share one.
@lru_cache(maxsize=16)
def _transform(profile: bytes) -> tuple[str, ImageCms.ImageCmsTransform | None]:
    """The mode that a profile is for, and its transform to sRGB; None if it is none or sRGB."""
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        mode = _PROFILE_MODES[source.profile.xcolor_space]
        srgb = ImageCms.createProfile("sRGB")
        intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
        flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
        transform = ImageCms.buildTransform(source, srgb, mode, "RGB", intent, flags)
    except (OSError, KeyError, ImageCms.PyCMSError):
        return "", None
    if mode == "RGB":
        # sRGB goes by many names and bytes: it is whatever profile leaves all colours as they are.
        steps = np.arange(0, 256, 17, dtype=np.uint8)
        colours = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(64, 64, 3)
        moved = np.asarray(transform.apply(Image.fromarray(colours)))
        if np.abs(moved.astype(np.int16) - colours).max() <= 1:
            return mode, None
    return mode, transform
