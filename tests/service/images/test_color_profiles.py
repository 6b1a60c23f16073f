"""Colour profiles, against profiles built and colours computed here from their definitions."""

import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skimage
from numpy.typing import NDArray
from PIL import Image, ImageCms

from tests.support.pictures import file_of, read

PHOTO = Image.fromarray(skimage.data.coffee()).resize((96, 64))
RGB = np.asarray(PHOTO)
RAMP = np.tile(np.arange(256, dtype=np.uint8), (16, 1))

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
REC_709 = [(0.64, 0.33), (0.30, 0.60), (0.15, 0.06)]
ADOBE_1998 = [(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)]
GAMMA = 563 / 256


def to_xyz(primaries: list[tuple[float, float]]) -> NDArray[np.float64]:
    """The matrix from linear RGB of these primaries and a D65 white to XYZ adapted to D50."""

    def xyz(x: float, y: float) -> NDArray[np.float64]:
        return np.array([x / y, 1, (1 - x - y) / y])

    white = xyz(0.3127, 0.3290)
    columns = np.stack([xyz(*primary) for primary in primaries], 1)
    columns = columns * np.linalg.solve(columns, white)
    adapt = np.diag((BRADFORD @ D50) / (BRADFORD @ white))
    return np.linalg.inv(BRADFORD) @ adapt @ BRADFORD @ columns


def srgb_of(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = linear.clip(0, 1)
    return 255 * np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear.clip(1e-9) ** (1 / 2.4) - 0.055
    )


def xyz_tag(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)


def curve_tag(points: list[int]) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(f">I{len(points)}H", len(points), *points)


def icc(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes]) -> bytes:
    offset = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        table += struct.pack(">4sII", name, offset + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    head = struct.pack(
        ">I4xI4s4s4s12x4s", offset + len(data), 0x02400000, kind, space, pcs, b"acsp"
    )
    return (head + bytes(28) + xyz_tag(D50)[8:]).ljust(128, b"\0") + table + data


def rgb_profile(primaries: list[tuple[float, float]], curve: list[int]) -> bytes:
    red, green, blue = (xyz_tag(column) for column in to_xyz(primaries).T)
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve_tag(curve))
    columns = {b"rXYZ": red, b"gXYZ": green, b"bXYZ": blue, b"wtpt": xyz_tag(D50)}
    return icc(b"mntr", b"RGB ", b"XYZ ", columns | curves)


def cmyk_profile() -> bytes:
    """Ink as Lab: paper is L* 100, cyan L* 50, whatever has black L* 0; the rest has no colour."""
    nodes = [(0 if node & 1 else 128 if node & 8 else 255, 128, 128) for node in range(16)]
    identity = np.arange(256, dtype=np.uint8).tobytes()
    matrix = struct.pack(">9i", *np.eye(3, dtype=int).ravel() * 65536)
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix
    table += identity * 4 + bytes(np.array(nodes, np.uint8).ravel()) + identity * 3
    return icc(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table, b"wtpt": xyz_tag(D50)})


WIDE = rgb_profile(ADOBE_1998, [563])
WIDE_AS_SRGB = srgb_of(
    (RGB / 255.0) ** GAMMA @ (np.linalg.inv(to_xyz(REC_709)) @ to_xyz(ADOBE_1998)).T
)


def test_a_wide_gamut_is_brought_to_srgb() -> None:
    pixels = read(file_of(PHOTO, "PNG", icc_profile=WIDE)).pixels

    assert np.abs(WIDE_AS_SRGB - RGB).max() > 20
    assert np.abs(pixels - WIDE_AS_SRGB).max() < 1.5


@pytest.mark.parametrize("format", ["JPEG", "WEBP", "AVIF", "TIFF"])
def test_a_profile_counts_in_every_format(format: str) -> None:
    image = Image.new("RGB", (32, 32), (200, 60, 90))
    expected = read(file_of(image, "PNG", icc_profile=WIDE)).pixels[0, 0].astype(int)

    pixels = read(file_of(image, format, icc_profile=WIDE)).pixels

    assert np.abs(pixels - expected).max() <= 4
    assert np.abs(expected - (200, 60, 90)).max() > 15


def test_a_profile_leaves_alpha_alone() -> None:
    alpha = np.tile(np.arange(96, dtype=np.uint8), (64, 1))
    image = PHOTO.convert("RGBA")
    image.putalpha(Image.fromarray(alpha))

    picture = read(file_of(image, "PNG", icc_profile=WIDE))

    assert np.abs(picture.pixels - WIDE_AS_SRGB).max() < 1.5
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, alpha)


def srgb_curve(points: int) -> list[int]:
    encoded = np.linspace(0, 1, points)
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return [round(point * 65535) for point in linear]


@pytest.mark.parametrize(
    "profile",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        rgb_profile(REC_709, srgb_curve(1024)),
        rgb_profile(REC_709, srgb_curve(26)),
    ],
    ids=["parametric", "sampled", "coarsely sampled"],
)
def test_srgb_by_any_profile_stays_byte_for_byte(profile: bytes) -> None:
    assert np.array_equal(read(file_of(PHOTO, "PNG", icc_profile=profile)).pixels, RGB)


@pytest.mark.parametrize("profile", ["grey", "rgb"])
def test_a_grey_image_takes_a_grey_or_an_rgb_profile(profile: str) -> None:
    curve = {b"kTRC": curve_tag([563]), b"wtpt": xyz_tag(D50)}
    grey = icc(b"mntr", b"GRAY", b"XYZ ", curve)
    body = file_of(Image.fromarray(RAMP), "PNG", icc_profile=grey if profile == "grey" else WIDE)

    pixels = read(body).pixels

    assert np.abs(pixels - srgb_of((RAMP / 255.0) ** GAMMA)[..., None]).max() < 1.5
    assert np.array_equal(pixels[..., 0], pixels[..., 1])
    assert np.array_equal(pixels[..., 0], pixels[..., 2])


def test_inks_take_their_colours_from_the_profile() -> None:
    cyan = Image.new("CMYK", (32, 32), (255, 0, 0, 0))
    luminance = ((100 * 128 / 255 + 16) / 116) ** 3  # of L* 50, by CIE 1976
    expected = srgb_of(np.array(luminance))

    pixels = read(file_of(cyan, "JPEG", icc_profile=cmyk_profile(), quality=100)).pixels

    assert np.abs(pixels - expected).max() < 2


@pytest.mark.parametrize(
    "profile",
    [b"nonsense", WIDE[:200], WIDE.replace(b"RGB ", b"3CLR"), cmyk_profile()],
    ids=["nonsense", "cut off", "unknown colours", "for inks"],
)
def test_a_profile_that_does_not_apply_is_ignored(profile: bytes) -> None:
    assert np.array_equal(read(file_of(PHOTO, "PNG", icc_profile=profile)).pixels, RGB)


def test_threads_share_profiles_safely() -> None:
    bodies = [
        file_of(PHOTO.rotate(angle), "PNG", icc_profile=rgb_profile(ADOBE_1998, [500 + angle % 3]))
        for angle in range(12)
    ]
    alone = [read(body).pixels for body in bodies]

    with ThreadPoolExecutor(8) as pool:
        together = [picture.pixels for picture in pool.map(read, bodies * 4)]

    assert all(map(np.array_equal, together, alone * 4))
