"""Photographs that are found, cannot be read, or only with care."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support import small
from trainer.errors import TrainerError
from trainer.images.photographs import find_photographs, read_rgb
from trainer.recipe import StylizeStage
from trainer.training.crops import batches

Spoil = Callable[[Path, NDArray[np.uint8]], None]
STAGE = StylizeStage(steps=1, crop=32, batch=4)


def truncated_jpeg(file: Path, pixels: NDArray[np.uint8]) -> None:
    small.save(pixels, file, format="JPEG")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def text(file: Path, _: NDArray[np.uint8]) -> None:
    file.write_text("not a photograph at all")


def empty(file: Path, _: NDArray[np.uint8]) -> None:
    file.touch()


def folder(file: Path, _: NDArray[np.uint8]) -> None:
    file.mkdir()


def png_with_a_broken_chunk(file: Path, _: NDArray[np.uint8]) -> None:
    noise = np.random.default_rng(0).integers(256, size=(200, 200, 3), dtype=np.uint8)
    small.save(noise, file, format="PNG")
    content = file.read_bytes()
    second = content.index(b"IDAT", content.index(b"IDAT") + 4)
    file.write_bytes(content[:second] + b"\0\1\2\3" + content[second + 4 :])


def png_of_a_billion_pixels(file: Path, _: NDArray[np.uint8]) -> None:
    size = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + b"IHDR" + size + struct.pack(">I", zlib.crc32(b"IHDR" + size))
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 100) + b"IDAT" + bytes(104))


UNREADABLE = pytest.mark.parametrize(
    "spoil",
    [truncated_jpeg, text, empty, folder, png_with_a_broken_chunk, png_of_a_billion_pixels],
    ids=lambda spoil: spoil.__name__,
)


def test_photographs_are_found_in_subfolders_in_order(tmp_path: Path) -> None:
    names = ["b.JPG", "a/z.jpeg", "a/b/c.png", "c.webp"]
    for name in names:
        small.save(np.zeros((8, 8, 3), np.uint8), tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a photograph")
    found = [str(file.relative_to(tmp_path)) for file in find_photographs(tmp_path)]
    assert found == ["a/b/c.png", "a/z.jpeg", "b.JPG", "c.webp"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match="missing: no such folder"):
        find_photographs(tmp_path / "missing")


def test_an_empty_folder_is_named_with_the_formats_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a photograph")
    with pytest.raises(TrainerError, match=r"no photographs \(\.jpeg, \.jpg, \.png, \.webp\)"):
        find_photographs(tmp_path)


@UNREADABLE
def test_an_unreadable_photograph_is_stepped_over_and_reported(
    spoil: Spoil, tmp_path: Path, photograph: NDArray[np.uint8]
) -> None:
    spoiled = tmp_path / "b.jpg"
    spoil(spoiled, photograph)
    small.save(photograph, tmp_path / "a.jpg")
    small.save(photograph, tmp_path / "c.jpg")

    (batch,) = batches(find_photographs(tmp_path), STAGE, 0, range(4), workers=0)

    assert batch.images.shape == (4, 3, 32, 32)
    assert batch.unreadable == {str(spoiled)}


@UNREADABLE
def test_an_unreadable_painting_is_an_error_that_names_it(
    spoil: Spoil, tmp_path: Path, photograph: NDArray[np.uint8]
) -> None:
    file = tmp_path / "painting.jpg"
    spoil(file, photograph)
    with pytest.raises(TrainerError, match=r"painting\.jpg: cannot be read as an image"):
        read_rgb(file, 64)


def test_a_missing_painting_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainerError, match=r"painting\.jpg: no such file"):
        read_rgb(tmp_path / "painting.jpg")


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("workers", [0, 1])
def test_a_folder_without_a_readable_photograph_is_an_error(tmp_path: Path, workers: int) -> None:
    for name in ("a.jpg", "b.png"):
        (tmp_path / name).write_text("not a photograph")
    read = batches(find_photographs(tmp_path), STAGE, 0, range(4), workers)
    with pytest.raises(TrainerError, match="none of the photographs can be read"):
        next(read)


def test_a_palette_with_transparent_entries_is_read_without_a_warning(
    tmp_path: Path, photograph: NDArray[np.uint8]
) -> None:
    file = tmp_path / "palette.png"
    palette = Image.fromarray(photograph).quantize(16)
    palette.save(file, transparency=bytes([0, 128] + [255] * 14))
    assert read_rgb(file).shape == (1, 3, *photograph.shape[:2])


def test_sixteen_bit_grey_is_scaled_to_bytes(tmp_path: Path, photograph: NDArray[np.uint8]) -> None:
    grey = photograph[..., 1]
    file = small.save(grey.astype(np.uint16) * 257, tmp_path / "scan.png")
    expected = np.broadcast_to(grey, (3, *grey.shape))
    np.testing.assert_allclose(read_rgb(file)[0].numpy(), expected, atol=1)


def test_a_resized_photograph_has_the_short_side_asked_for(tmp_path: Path) -> None:
    wide = small.save(np.zeros((90, 200, 3), np.uint8), tmp_path / "wide.jpg")
    tall = small.save(np.zeros((200, 90, 3), np.uint8), tmp_path / "tall.png")
    assert read_rgb(wide, 45).shape == (1, 3, 45, 100)
    assert read_rgb(tall, 180).shape == (1, 3, 400, 180)
