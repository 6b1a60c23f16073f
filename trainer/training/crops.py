"""Random training crops, decoded by worker processes while the device computes."""

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
from trainer.images.photographs import resized, rgb
from trainer.recipe_base import Stage


class Batch(NamedTuple):
    images: Tensor
    """uint8 RGB [N, 3, crop, crop]."""
    unreadable: frozenset[str]
    """Photographs that were asked for but could not be decoded, and were stepped over."""


class _Sample(NamedTuple):
    image: Tensor
    unreadable: tuple[str, ...]


Cut = Callable[[Path, int, np.random.Generator], NDArray[np.uint8]]
"""Cuts a random square of so many pixels out of a photograph: uint8 RGB [crop, crop, 3]."""


def resized_crop(file: Path, crop: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """At a random scale between the whole short side and native resolution, half mirrored."""
    with Image.open(file) as opened:
        short_side = int(random.integers(crop, max(crop, min(opened.size)) + 1))
        image = resized(opened, short_side)
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
                pixels = np.asarray(rgb(opened))
            if pixels.nbytes <= self._room:
                self._room -= pixels.nbytes
                self._decoded[file] = pixels
        if min(pixels.shape[:2]) < crop:
            pixels = np.asarray(resized(Image.fromarray(pixels), crop))
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
