"""ONNX Runtime: the installed build, the execution provider, sessions, and running one batch."""

import hashlib
import importlib.metadata
import logging
import math
import re
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from service import cores
from service.images.tiling import TILE
from service.models.cards import Kind
from service.models.catalog import Model, Precision
from service.problems import OutOfMemory

log = logging.getLogger(__name__)

Provider = Literal["cuda", "cpu"]

_PROVIDER_NAMES: Mapping[Provider, str] = {
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
_PROVIDER_OPTIONS: Mapping[Provider, dict[str, str]] = {
    "cuda": {
        # An exhaustive search of algorithms for every new image size would take seconds.
        "cudnn_conv_algo_search": "HEURISTIC",
        "arena_extend_strategy": "kSameAsRequested",
    },
    "cpu": {},
}
_WARM_UP_SIDES: Mapping[Kind, Sequence[int]] = {
    "stylize": (64, 256),
    "painter": (64, 256),
    "upscale": (TILE,),  # what all large images are cut into
}
# An ONNX graph of one Identity: whether a provider comes up is only seen in a session.
_PROBE = (
    b'\x08\x08:;\n\x10\n\x01x\x12\x01y"\x08Identity\x12\x05probeZ\x0f\n\x01x\x12\n\n\x08\x08\x01'
    b"\x12\x04\n\x02\x08\x01b\x0f\n\x01y\x12\n\n\x08\x08\x01\x12\x04\n\x02\x08\x01B\x04\n\x00\x10\x14"
)
# ONNX Runtime has no exception of its own for this; these are its arena's, CUDA's and C++'s words.
_OUT_OF_MEMORY = re.compile(r"Failed to allocate memory|out of memory|bad_?alloc", re.IGNORECASE)


class RuntimeUnavailable(Exception):
    """Networks cannot run here as configured; the text says what to install or change."""


Inputs = Mapping[str, NDArray[Any] | np.float32]
"""An image's graph inputs by name, without the batch axis; ``image`` is uint8 [H, W, 3]."""


@dataclass(frozen=True)
class GraphTensor:
    """An input or output of a network."""

    name: str
    type: str
    """In ONNX Runtime's words, such as tensor(uint8)."""
    shape: tuple[int | None, ...]
    """None is any size."""


@dataclass(frozen=True)
class _Sessions:
    """The sessions of one network."""

    alone: Any
    """With all threads."""
    shared: Any
    """With as many threads as let ``concurrency`` runs together use all."""


@dataclass(frozen=True)
class Build:
    """The one installed build of ONNX Runtime."""

    package: str
    version: str


def installed_build() -> Build:
    """Raises RuntimeUnavailable unless exactly one of the two builds is installed."""
    builds = []
    for package in ("onnxruntime", "onnxruntime-gpu"):
        try:
            builds.append(Build(package, importlib.metadata.version(package)))
        except importlib.metadata.PackageNotFoundError:
            continue
    if not builds:
        raise RuntimeUnavailable(
            "ONNX Runtime is not installed; install this project with the extra 'cpu' or 'gpu'"
        )
    if len(builds) > 1:
        raise RuntimeUnavailable(
            "both onnxruntime and onnxruntime-gpu are installed and overwrite each other; "
            "uninstall both, then install this project with the extra 'cpu' or 'gpu'"
        )
    return builds[0]


class Runtime:
    """Sessions on one execution provider."""

    def __init__(self, execution_provider: Literal["auto", "cuda", "cpu"], threads: int) -> None:
        self.build = installed_build()
        import onnxruntime  # after the check: with neither build there is nothing to import

        self._ort = onnxruntime
        _share_arena()
        self.threads = threads
        available = onnxruntime.get_available_providers()
        has_cuda = _PROVIDER_NAMES["cuda"] in available
        if execution_provider == "cuda" and not has_cuda:
            raise RuntimeUnavailable(
                f"execution provider cuda: {self.build.package} {self.build.version} has none; "
                "install the extra 'gpu' in place of 'cpu'"
            )
        self.provider: Provider = "cpu"
        if has_cuda and execution_provider != "cpu":
            onnxruntime.preload_dlls()  # CUDA and cuDNN from their wheels, where they are installed
            if self._comes_up("cuda"):
                self.provider = "cuda"
            elif execution_provider == "cuda":
                raise RuntimeUnavailable("execution provider cuda: the GPU did not come up")
            else:
                log.warning("CUDA did not come up; running on the CPU")
        # A session goes with the last request that holds its model.
        self._sessions: MutableMapping[Model, _Sessions] = WeakKeyDictionary()

    @property
    def precision(self) -> Precision:
        """The precision in which networks are fastest here, and right."""
        if self.provider == "cuda":
            return "float16"
        return "int8" if cores.has_vnni() else "float32"

    @property
    def concurrency(self) -> int:
        """Batches to run at a time, each from a thread of its own.

        On a CPU two, each on half of the cores, have a higher throughput than two in turns on all.
        """
        return 2 if self.provider == "cpu" and self.threads > 1 else 1

    def open(self, model: Model) -> None:
        """Open the model's sessions; from any thread, while others run.

        Raises RuntimeUnavailable if the file is not a network, or no longer the one that the
        catalog has read, or if the execution provider no longer comes up.
        """
        try:
            content = model.file.read_bytes()
        except OSError as error:
            raise RuntimeUnavailable(f"{model.file}: {error.strerror}") from error
        if hashlib.sha256(content).hexdigest() != model.digest:
            raise RuntimeUnavailable(f"{model.file}: has changed since the catalog was read")
        session = self._session(model, content, self.threads)
        if _PROVIDER_NAMES[self.provider] not in session.get_providers():
            raise RuntimeUnavailable(f"{model.file}: CUDA came up for other models only")
        shared = session
        if self.concurrency > 1:
            # Rounded up: a thread too many costs less than a core that has none.
            shared = self._session(model, content, math.ceil(self.threads / self.concurrency))
        self._sessions[model] = _Sessions(session, shared)

    def warm_up(self, model: Model) -> None:
        """Run the model once a common shape. Raises RuntimeUnavailable if it does not run."""
        for side in _WARM_UP_SIDES[model.card.kind]:
            image = np.zeros((side, side, 3), np.uint8)
            try:
                inputs: Inputs = {**self._zeros(model), "image": image}
                self.run(model, [inputs])
                if self.concurrency > 1:  # else it is the same session
                    self.run(model, [inputs], shared=True)
            except Exception as error:
                raise RuntimeUnavailable(f"{model.file}: {_first_line(error)}") from error

    def run(
        self, model: Model, batch: Sequence[Inputs], shared: bool = False
    ) -> list[NDArray[np.uint8]]:
        """Run images of one shape through a loaded model: uint8 [fH, fW, 3] each, in order.

        ``shared``: with the threads of one batch among ``concurrency``, not with all. A batch that
        does not fit into memory is halved; raises OutOfMemory if a single image does not fit.
        """
        stacked = {
            name: np.expand_dims(batch[0][name], 0)
            if len(batch) == 1  # the usual case on a CPU, without the copy that stack makes
            else np.stack([inputs[name] for inputs in batch])
            for name in batch[0]
        }
        sessions = self._sessions[model]
        session = sessions.shared if shared else sessions.alone
        try:
            (output,) = session.run(["output"], stacked)
        except Exception as error:  # ONNX Runtime's exceptions share no base but Exception
            if not _OUT_OF_MEMORY.search(str(error)):
                raise
            if len(batch) == 1:
                raise OutOfMemory(
                    "The image needs more memory than the device has.", retry_after=1
                ) from error
            log.warning("a batch of %d does not fit into memory; halving it", len(batch))
            half = len(batch) // 2
            return self.run(model, batch[:half], shared) + self.run(model, batch[half:], shared)
        return list(output)

    def signature(self, model: Model) -> tuple[list[GraphTensor], list[GraphTensor]]:
        """The inputs and outputs of a loaded model."""
        session = self._sessions[model].alone
        inputs, outputs = (
            [
                GraphTensor(
                    value.name,
                    value.type,
                    tuple(side if isinstance(side, int) else None for side in value.shape),
                )
                for value in values
            ]
            for values in (session.get_inputs(), session.get_outputs())
        )
        return inputs, outputs

    def row_width(self, model: Model) -> int:
        """How many numbers the row of a style has for a loaded Painter.

        Raises RuntimeUnavailable if the network takes no rows of a certain width.
        """
        inputs, _ = self.signature(model)
        for tensor in inputs:
            if tensor.name == "style" and len(tensor.shape) == 2 and tensor.shape[1] is not None:
                return tensor.shape[1]
        raise RuntimeUnavailable(f"{model.file}: a Painter needs an input style, float32 [N, D]")

    def _zeros(self, model: Model) -> Inputs:
        """Of an image's inputs besides the image: numbers, and rows of their width."""
        return {
            value.name: np.zeros(value.shape[1:], np.float32)
            for value in self._sessions[model].alone.get_inputs()
            if value.name != "image"
        }

    def _session(self, model: Model, content: bytes, threads: int) -> Any:
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        if self.provider == "cpu":
            options.add_session_config_entry("session.use_env_allocators", "1")
        # A thread that spins for its next task takes the core from decoding and encoding.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            providers = [(_PROVIDER_NAMES[self.provider], _PROVIDER_OPTIONS[self.provider])]
            return self._ort.InferenceSession(content, options, providers)
        except Exception as error:  # as in run
            raise RuntimeUnavailable(f"{model.file}: {_first_line(error)}") from error

    def _comes_up(self, provider: Provider) -> bool:
        """A session that cannot have the provider falls back to the CPU, and logs why."""
        options = self._ort.SessionOptions()
        options.intra_op_num_threads = 1
        session = self._ort.InferenceSession(_PROBE, options, [_PROVIDER_NAMES[provider]])
        return _PROVIDER_NAMES[provider] in session.get_providers()


@cache
def _share_arena() -> None:
    """One pool of CPU memory for all sessions: few run at a time, and a pool never shrinks."""
    import onnxruntime as ort

    pool = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    ort.create_and_register_allocator(pool, None)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
