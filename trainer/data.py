"""Training photographs: crops decoded by worker processes while the device computes."""

import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from trainer.errors import TrainerError
from trainer.recipe import Stage

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})


class Batch(NamedTuple):
    images: Tensor
    """uint8 RGB [N, 3, crop, crop]."""
    unreadable: frozenset[str]
    """Photographs that were asked for but could not be decoded, and were stepped over."""


class _Sample(NamedTuple):
    image: Tensor
    unreadable: tuple[str, ...]


def find_photographs(folder: Path) -> tuple[Path, ...]:
    """All photographs below ``folder``, sorted, so that a seed means the same everywhere."""
    if not folder.is_dir():
        raise TrainerError(f"{folder}: no such folder")
    found = tuple(sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES))
    if not found:
        raise TrainerError(f"{folder}: no photographs ({', '.join(sorted(SUFFIXES))})")
    return found


def read_rgb(file: Path, short_side: int | None = None) -> Tensor:
    """A photograph as float RGB [1, 3, H, W] in [0, 255], resized to ``short_side`` pixels."""
    try:
        with Image.open(file) as opened:
            image = _rgb(opened) if short_side is None else _resized(opened, short_side)
            pixels = np.asarray(image)
    except FileNotFoundError:
        raise TrainerError(f"{file}: no such file") from None
    except Exception as error:  # Pillow raises nearly anything for a broken file
        raise TrainerError(f"{file}: cannot be read as an image ({error})") from error
    return tensor_of(pixels)


def tensor_of(pixels: NDArray[np.uint8]) -> Tensor:
    """uint8 RGB [H, W, 3] as networks have it: float [1, 3, H, W] in [0, 255]."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float()


def pixels_of(image: Tensor) -> NDArray[np.uint8]:
    """The other way round, rounded."""
    pixels: NDArray[np.uint8] = image[0].permute(1, 2, 0).round().byte().numpy()
    return pixels


def _resized(image: Image.Image, short_side: int) -> Image.Image:
    image.draft("RGB", (short_side, short_side))  # JPEG: decode at 1/2, 1/4, 1/8 where enough
    scale = short_side / min(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    return _rgb(image).resize(size, Image.Resampling.BICUBIC)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey, which convert would clip at 255
        image = image.convert("I").point(lambda level: level * (255 / 65535)).convert("L")
    if image.mode == "P":  # else Pillow warns of palettes with an alpha channel
        image = image.convert("RGBA")
    return image.convert("RGB")


Cut = Callable[[Path, int, np.random.Generator], NDArray[np.uint8]]
"""Cuts a random square of so many pixels out of a photograph: uint8 RGB [crop, crop, 3]."""


def resized_crop(file: Path, crop: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """At a random scale between the whole short side and native resolution, half mirrored."""
    with Image.open(file) as opened:
        short_side = int(random.integers(crop, max(crop, min(opened.size)) + 1))
        image = _resized(opened, short_side)
    pixels = _random_square(np.asarray(image), crop, random)
    return pixels[:, ::-1] if random.random() < 0.5 else pixels


class NativeCrop:
    """At native resolution, mirrored and turned at random; smaller photographs are enlarged.

    A worker process keeps what it decoded, since these crops are small and many: decoding takes
    longer than a step of training on them.
    """

    def __init__(self, cache_bytes: int = 1 << 30) -> None:
        self._room = cache_bytes
        self._decoded: dict[Path, NDArray[np.uint8]] = {}

    def __call__(self, file: Path, crop: int, random: np.random.Generator) -> NDArray[np.uint8]:
        pixels = self._decoded.get(file)
        if pixels is None:
            with Image.open(file) as opened:
                pixels = np.asarray(_rgb(opened))
            if pixels.nbytes <= self._room:
                self._room -= pixels.nbytes
                self._decoded[file] = pixels
        if min(pixels.shape[:2]) < crop:
            pixels = np.asarray(_resized(Image.fromarray(pixels), crop))
        square = _random_square(pixels, crop, random)
        turned = np.rot90(square, int(random.integers(4)))
        return turned[:, ::-1] if random.random() < 0.5 else turned


def _random_square(
    pixels: NDArray[np.uint8], side: int, random: np.random.Generator
) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    left = int(random.integers(width - side + 1))
    top = int(random.integers(height - side + 1))
    return pixels[top : top + side, left : left + side]


class RandomCrops(Dataset[_Sample]):
    """Sample ``k`` is a pure function of (seed, k), whatever worker makes it.

    So a run that starts again at step s sees exactly the images that it would have seen. Each
    pass over the photographs is a fresh permutation.
    """

    def __init__(self, photographs: Sequence[Path], crop: int, seed: int, cut: Cut) -> None:
        self.photographs = photographs
        self.crop = crop
        self.seed = seed
        self.cut = cut

    def __getitem__(self, k: int) -> _Sample:
        epoch, position = divmod(k, len(self.photographs))
        order = np.random.default_rng((self.seed, 0, epoch)).permutation(len(self.photographs))
        unreadable: list[str] = []
        for step in range(len(order)):
            file = self.photographs[order[(position + step) % len(order)]]
            try:
                pixels = self.cut(file, self.crop, np.random.default_rng((self.seed, 1, k)))
            except Exception:  # as in read_rgb
                unreadable.append(str(file))
                continue
            image = torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))
            return _Sample(image, tuple(unreadable))
        raise TrainerError("none of the photographs can be read")


def batches(
    photographs: Sequence[Path],
    stage: Stage,
    seed: int,
    samples: Sequence[int],
    workers: int,
    cut: Cut = resized_crop,
) -> Iterator[Batch]:
    """The samples of these numbers, in batches of a stage."""
    loader: DataLoader[_Sample] = DataLoader(
        RandomCrops(photographs, stage.crop, seed, cut),
        batch_size=stage.batch,
        sampler=samples,
        num_workers=workers,
        collate_fn=_collate,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_leave_interrupts_to_parent,
    )
    return iter(loader)


def _leave_interrupts_to_parent(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _collate(samples: list[_Sample]) -> Batch:
    return Batch(
        torch.stack([sample.image for sample in samples]),
        frozenset(file for sample in samples for file in sample.unreadable),
    )
