"""Golden outputs: what a network gave when it was exported, compared with what it gives here.

A network may load and yet be another one than its card says, have damaged weights, or be computed
wrongly by this machine. So beside each lies a pair of inputs and output, and it serves no request
before it has given that output again.
"""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.models.catalog import BrokenStore, Model
from service.models.runtime import Inputs

MEAN_TOLERANCE = 0.5
"""Levels of 255 by which an output may differ on average. Weights rounded to bfloat16, far coarser
than the TF32 and float16 of GPUs, make a tenth of a level; a filter that a style lost, about one.
Of an upscaler's, which only correct bicubic enlargement, some are hardly seen."""
MAX_TOLERANCE = 8
"""And anywhere. Rounded weights make one level; a lost filter of the last layer, about a hundred,
though in few places."""


@dataclass(frozen=True)
class Golden:
    images: Sequence[Inputs]
    """Of one shape, for one batch."""
    output: NDArray[np.uint8]
    """[N, fH, fW, 3]"""


def read(file: Path) -> Golden:
    """An NPZ file of the graph's inputs by their names, and ``output``. Raises BrokenStore."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            inputs = {name: arrays[name] for name in arrays.files}
        output = inputs.pop("output")
        count = len(inputs["image"])
        images = [{name: array[n] for name, array in inputs.items()} for n in range(count)]
    except OSError as error:
        raise BrokenStore(f"{file}: {error.strerror or error}") from error
    except (ValueError, LookupError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BrokenStore(f"{file}: not a golden output ({error})") from error
    return Golden(images, output)


def check(model: Model, outputs: Sequence[NDArray[np.uint8]], expected: NDArray[np.uint8]) -> None:
    """Raises BrokenStore unless the model's outputs are the golden ones."""
    output = np.stack(outputs)
    if output.shape != expected.shape:
        raise BrokenStore(f"{model.file}: answers {output.shape}; golden is {expected.shape}")
    differences = np.abs(output.astype(np.int16) - expected)
    mean, most = differences.mean(), differences.max()
    if mean > MEAN_TOLERANCE or most > MAX_TOLERANCE:
        raise BrokenStore(
            f"{model.file}: differs from its golden output by {mean:.2f} levels of 255 on average "
            f"and {most} at most; allowed are {MEAN_TOLERANCE} and {MAX_TOLERANCE}"
        )
