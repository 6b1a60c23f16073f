"""Which photographs training sees, and when."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from tests.support import small
from trainer.images.photographs import find_photographs
from trainer.recipe import StylizeStage
from trainer.training.crops import NativeCrop, batches

GREYS = (10, 60, 110, 160, 210)

# Python 3.12 warns of forking with threads about; the workers start none of their own.
forks = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def greys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Five files that a crop's mean tells apart."""
    folder = tmp_path_factory.mktemp("greys")
    for grey in GREYS:
        small.save(np.full((40, 50, 3), grey, np.uint8), folder / f"{grey}.png")
    return find_photographs(folder)


def crops(
    photographs: Sequence[Path],
    samples: range,
    *,
    seed: int = 0,
    workers: int = 0,
    crop: int = 32,
    batch: int = 2,
) -> Tensor:
    """uint8 RGB [N, 3, crop, crop]"""
    stage = StylizeStage(steps=1, crop=crop, batch=batch)
    read = batches(photographs, stage, seed, samples, workers)
    return torch.cat([batch.images for batch in read])


def shown(photographs: Sequence[Path], samples: range, seed: int = 0) -> list[int]:
    """Which of GREYS each sample is a crop of."""
    return crops(photographs, samples, seed=seed).float().mean(dim=(1, 2, 3)).int().tolist()


@forks
@pytest.mark.parametrize("workers", [1, 2])
def test_samples_are_the_same_whatever_the_number_of_workers(
    workers: int, photographs: tuple[Path, ...]
) -> None:
    alone = crops(photographs, range(7))
    assert torch.equal(crops(photographs, range(7), workers=workers), alone)


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.differing_executors])
@given(start=st.integers(0, 11), batch=st.integers(1, 5))
def test_samples_are_the_same_wherever_the_range_starts(
    photographs: tuple[Path, ...], start: int, batch: int
) -> None:
    whole = crops(photographs, range(12))
    assert torch.equal(crops(photographs, range(start, 12), batch=batch), whole[start:])


def test_every_pass_over_the_photographs_shows_each_once(greys: tuple[Path, ...]) -> None:
    samples = shown(greys, range(4 * len(greys)))
    passes = [samples[start : start + 5] for start in range(0, 20, 5)]
    assert all(sorted(one) == list(GREYS) for one in passes)
    assert len({tuple(one) for one in passes}) > 1, "passes differ in their order"


def test_another_seed_shows_other_crops_in_another_order(
    greys: tuple[Path, ...], photographs: tuple[Path, ...]
) -> None:
    assert shown(greys, range(20), seed=0) != shown(greys, range(20), seed=1)
    assert not torch.equal(
        crops(photographs[:1], range(4), seed=0), crops(photographs[:1], range(4), seed=1)
    )


def test_crops_of_a_photograph_differ_in_place_scale_and_direction(tmp_path: Path) -> None:
    across, down = np.meshgrid(np.arange(200), np.arange(150))
    ramps = np.stack([across, down, np.zeros_like(down)], axis=2).astype(np.uint8)
    file = small.save(ramps, tmp_path / "ramps.png")

    samples = crops([file], range(40)).float()
    steps = samples[:, 0, :, 1:-1].diff(dim=2).mean(dim=(1, 2))  # native pixels a crop's pixel

    mirrored = int((steps < 0).sum())
    assert 8 <= mirrored <= 32
    assert steps.abs().min() < 1.5, "near native resolution"
    assert steps.abs().max() > 3, "near the whole photograph"
    assert samples[:, 1].mean(dim=(1, 2)).std() > 5


def test_a_photograph_smaller_than_the_crop_is_enlarged(
    tmp_path: Path, astronaut: NDArray[np.uint8]
) -> None:
    file = small.save(astronaut[::16, ::16][:20], tmp_path / "small.png")  # 20 x 32
    assert crops([file], range(3), crop=64).shape == (3, 3, 64, 64)


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(height=st.integers(1, 90), width=st.integers(1, 90), crop=st.sampled_from([32, 48]))
def test_any_photograph_gives_crops_of_the_stages_size(
    tmp_path: Path, height: int, width: int, crop: int
) -> None:
    file = small.save(np.zeros((height, width, 3), np.uint8), tmp_path / "photograph.png")
    assert crops([file], range(2), crop=crop).shape == (2, 3, crop, crop)


@pytest.mark.parametrize(
    ("mode", "file"),
    [
        ("L", "grey.jpg"),
        ("CMYK", "print.jpg"),
        ("P", "palette.png"),
        ("RGBA", "transparent.png"),
        ("LA", "grey_transparent.png"),
        ("RGB", "photograph.webp"),
    ],
)
def test_photographs_of_any_mode_become_rgb(
    mode: str, file: str, tmp_path: Path, astronaut: NDArray[np.uint8]
) -> None:
    face = Image.fromarray(astronaut[40:168, 150:278])
    face.convert(mode).save(tmp_path / file)
    (crop,) = crops([tmp_path / file], range(1), crop=128)  # all of it, perhaps mirrored
    expected = face.convert("L" if mode in ("L", "LA") else "RGB").convert("RGB")
    mean_of_channels = torch.from_numpy(np.asarray(expected).mean(axis=(0, 1)))
    assert crop.dtype == torch.uint8
    torch.testing.assert_close(crop.double().mean(dim=(1, 2)), mean_of_channels, atol=6, rtol=0)


def test_native_crops_are_pieces_of_the_photograph_mirrored_and_turned(
    tmp_path: Path, astronaut: NDArray[np.uint8]
) -> None:
    file = small.save(astronaut[:48, :48], tmp_path / "face.png")
    found = set()
    for seed in range(60):
        crop = NativeCrop()(file, 48, np.random.default_rng(seed))
        found |= {
            (mirrored, turns)
            for mirrored in (False, True)
            for turns in range(4)
            if np.array_equal(crop, _moved(astronaut[:48, :48], turns, mirrored=mirrored))
        }
    assert len(found) == 8


def test_native_crops_are_the_same_from_the_cache_as_from_the_file(
    photographs: tuple[Path, ...],
) -> None:
    caching, reading = NativeCrop(), NativeCrop(cache_bytes=0)
    for seed in range(8):
        crops = [
            cut(photographs[seed % 2], 40, np.random.default_rng(seed))
            for cut in (caching, reading)
        ]
        assert np.array_equal(*crops)


def test_photographs_smaller_than_the_crop_are_enlarged(
    tmp_path: Path, astronaut: NDArray[np.uint8]
) -> None:
    file = small.save(astronaut[:20, :30], tmp_path / "tiny.png")
    assert NativeCrop()(file, 64, np.random.default_rng(0)).shape == (64, 64, 3)


def _moved(pixels: NDArray[np.uint8], turns: int, *, mirrored: bool) -> NDArray[np.uint8]:
    turned = np.rot90(pixels, turns)
    return turned[:, ::-1] if mirrored else turned
