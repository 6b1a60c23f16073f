"""ONNX Runtime: builds, providers, and batches."""

import dataclasses
import gc
import hashlib
import importlib.metadata
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from onnxruntime import InferenceSession

from service.models import catalog
from service.models.catalog import Model
from service.models.runtime import Inputs, Runtime, RuntimeUnavailable, installed_build
from tests.support.checkout import ROOT


@pytest.fixture(scope="module")
def wave(model_store: Path) -> Model:
    return catalog.read(model_store).models["wave"]


@pytest.fixture(scope="module")
def runtime(wave: Model) -> Runtime:
    loaded = Runtime("cpu", threads=2)
    loaded.open(wave)
    loaded.warm_up(wave)
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
    (alone,) = runtime.run(wave, [stylizing(face)])
    batched, _, gentle = runtime.run(
        wave, [stylizing(face), stylizing(rocket), stylizing(face, strength=0.5)]
    )
    assert np.abs(batched.astype(int) - alone).max() <= 1
    assert np.abs(gentle - (alone.astype(int) + face) / 2).max() <= 1


def test_an_image_comes_out_the_same_on_all_threads_and_on_those_of_a_shared_device(
    wave: Model, astronaut: NDArray[np.uint8]
) -> None:
    runtime = Runtime("cpu", threads=2)
    runtime.open(wave)
    alone, shared = (
        runtime.run(wave, [stylizing(astronaut)], shared)[0].astype(int) for shared in (False, True)
    )
    assert np.abs(alone - shared).max() <= 1


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


STARVED = """
import resource, sys
import numpy as np
from pathlib import Path
from service.models import catalog
from service.models.runtime import Runtime
from service.problems import OutOfMemory

wave = catalog.read(Path(sys.argv[1])).models["wave"]
runtime = Runtime("cpu", threads=1)
runtime.open(wave)
runtime.warm_up(wave)
side = int(sys.argv[2])
image = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
inputs = {"image": image, "strength": np.float32(1), "preserve_color": np.float32(0)}
expected = runtime.run(wave, [inputs])[0] if side < 1000 else None
in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (in_use + 200 * 2**20,) * 2)
try:
    outputs = runtime.run(wave, [inputs] * 8)
except OutOfMemory:
    print("out of memory")
else:
    print(len(outputs), all(np.array_equal(output, expected) for output in outputs))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory by RLIMIT_AS")
@pytest.mark.parametrize(
    ("side", "outcome"), [(384, "8 True\n"), (1200, "out of memory\n")], ids=["halved", "refused"]
)
def test_a_batch_that_does_not_fit_into_memory_is_halved_and_one_image_refused(
    model_store: Path, side: int, outcome: str
) -> None:
    command = [sys.executable, "-c", STARVED, str(model_store), str(side)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.stdout == outcome, result.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads memory from /proc")
def test_sessions_share_the_memory_that_they_run_in(wave: Model) -> None:
    """A pool of each would hold 30 MiB after a picture of this size."""
    runtime = Runtime("cpu", threads=1)
    models = [dataclasses.replace(wave) for _ in range(5)]
    inputs = {
        "image": np.zeros((512, 512, 3), np.uint8),
        "strength": np.float32(1),
        "preserve_color": np.float32(0),
    }
    resident = []
    for model in models:
        runtime.open(model)
        runtime.run(model, [inputs])
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        resident.append(pages * resource.getpagesize() / 2**20)
    assert resident[-1] - resident[0] < 60


def test_a_file_that_is_no_network_is_named(wave: Model, tmp_path: Path) -> None:
    broken = tmp_path / "model.onnx"
    content = wave.file.read_bytes()[:10_000]
    broken.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    with pytest.raises(RuntimeUnavailable, match=r"model\.onnx.*protobuf"):
        Runtime("cpu", threads=1).open(dataclasses.replace(wave, file=broken, digest=digest))


def test_a_file_that_has_changed_since_its_digest_was_taken_is_not_served(wave: Model) -> None:
    with pytest.raises(RuntimeUnavailable, match=r"model\.onnx.*changed"):
        Runtime("cpu", threads=1).open(dataclasses.replace(wave, digest="0" * 64))


def test_a_session_goes_with_the_last_that_holds_its_model(wave: Model) -> None:
    runtime = Runtime("cpu", threads=1)
    before = open_sessions()
    models = [dataclasses.replace(wave), dataclasses.replace(wave)]
    for model in models:
        runtime.open(model)
    assert len(open_sessions() - before) == 2
    del model, models[0]
    assert len(open_sessions() - before) == 1
    runtime.warm_up(models[0])


def open_sessions() -> set[InferenceSession]:
    gc.collect()
    # isinstance would ask every object, and some of PyTorch answer with a warning
    return {each for each in gc.get_objects() if type(each) is InferenceSession}
