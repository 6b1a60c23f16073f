"""ONNX Runtime: builds, providers, and batches."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service import catalog
from service.catalog import Model
from service.runtime import Inputs, Runtime, RuntimeUnavailable, installed_build


@pytest.fixture(scope="module")
def wave(model_store: Path) -> Model:
    return catalog.read(model_store).models["wave"]


@pytest.fixture(scope="module")
def runtime(wave: Model) -> Runtime:
    loaded = Runtime("cpu", threads=2)
    loaded.load(wave)
    return loaded


def pretend_installed(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    def version(package: str) -> str:
        if package in packages:
            return "1.0"
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", version)


def stylizing(image: NDArray[np.uint8], strength: float = 1.0) -> Inputs:
    return {
        "image": image,
        "strength": np.float32(strength),
        "preserve_color": np.float32(0),
    }


def test_an_image_comes_out_the_same_whatever_shares_its_batch(
    runtime: Runtime, wave: Model, astronaut: NDArray[np.uint8]
) -> None:
    face, rocket = astronaut[60:156, 170:266], astronaut[0:96, 400:496]
    (alone,) = runtime.run(wave.digest, [stylizing(face)])
    batched, _, gentle = runtime.run(
        wave.digest, [stylizing(face), stylizing(rocket), stylizing(face, strength=0.5)]
    )
    assert np.abs(batched.astype(int) - alone).max() <= 1
    assert np.abs(gentle - (alone.astype(int) + face) / 2).max() <= 1


def test_without_a_build_start_up_says_which_extra_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend_installed(monkeypatch)
    with pytest.raises(RuntimeUnavailable, match=r"not installed.*'cpu' or 'gpu'"):
        installed_build()


def test_with_both_builds_start_up_says_that_they_overwrite_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pretend_installed(monkeypatch, "onnxruntime", "onnxruntime-gpu")
    with pytest.raises(RuntimeUnavailable, match="both onnxruntime and onnxruntime-gpu"):
        installed_build()


def test_asking_for_cuda_where_there_is_none_never_falls_back(runtime: Runtime) -> None:
    if runtime.build.package == "onnxruntime-gpu":
        pytest.skip("this build has the CUDA execution provider")
    with pytest.raises(RuntimeUnavailable, match="execution provider cuda"):
        Runtime("cuda", threads=1)


def test_a_file_that_is_no_network_is_named(wave: Model, tmp_path: Path) -> None:
    import dataclasses

    broken = tmp_path / "model.onnx"
    broken.write_bytes(wave.file.read_bytes()[:10_000])
    with pytest.raises(RuntimeUnavailable, match=r"model\.onnx"):
        Runtime("cpu", threads=1).load(dataclasses.replace(wave, file=broken))
