"""A model store whose ``wave`` is replaced: by two good networks in turn, and by bad ones."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

from tests.support.checkout import ROOT
from tests.support.upscalers import write_golden

NAME = "wave"
_SHIPPED = ROOT / "model_store" / NAME
_FLOATS = shutil.ignore_patterns("*.int8.*")
"""One file a version is replaced, and is what answers are compared with."""


class Store:
    """Made below ``folder``; serves the shipped network first."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "model_store"
        shutil.copytree(_SHIPPED, self.path / NAME, ignore=_FLOATS)
        paler = Path(shutil.copytree(_SHIPPED / "1", folder / "paler", ignore=_FLOATS))
        _scale_weights(paler / "model.onnx", 0.9)
        _make_golden(paler)
        self._good = (_SHIPPED / "1", paler)
        self._staging = folder / "staging"
        self.version = 1

    @property
    def networks(self) -> dict[str, Path]:
        """The good ones, by digest as X-Model-Digest has it."""
        files = [version / "model.onnx" for version in self._good]
        digests = [f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files]
        return dict(zip(digests, files, strict=True))

    def replace(self) -> None:
        """Put the other good network into its place, as the next version."""
        self._put(self._good[self.version % 2], self.version + 1)
        self.version += 1

    def replace_by_truncated(self) -> None:
        content = (_SHIPPED / "1" / "model.onnx").read_bytes()
        self._put(_SHIPPED / "1", self.version + 1, content[: len(content) // 2])

    def replace_by_damaged(self) -> None:
        """A network that loads and runs, and paints something else than its golden output."""
        damaged = self._staging.with_name("damaged.onnx")
        shutil.copy(_SHIPPED / "1" / "model.onnx", damaged)
        _scale_weights(damaged, 0.5)
        self._put(_SHIPPED / "1", self.version + 1, damaged.read_bytes())

    def withdraw(self) -> None:
        """Take the bad version away again."""
        shutil.rmtree(self.path / NAME / str(self.version + 1))

    def _put(self, source: Path, version: int, network: bytes | None = None) -> None:
        shutil.copytree(source, self._staging, ignore=_FLOATS)
        if network is not None:
            (self._staging / "model.onnx").write_bytes(network)
        self._staging.rename(self.path / NAME / str(version))


def _scale_weights(file: Path, factor: float) -> None:
    """Of the last convolution."""
    program = onnx.load(file)
    last = [weight for weight in program.graph.initializer if len(weight.dims) == 4][-1]
    values = np.float32(factor) * numpy_helper.to_array(last)
    last.CopyFrom(numpy_helper.from_array(values, last.name))
    onnx.save(program, file)


def _make_golden(version: Path) -> None:
    with np.load(version / "model.golden.npz") as pair:
        inputs = {name: pair[name] for name in pair.files if name != "output"}
    write_golden(version, inputs)
