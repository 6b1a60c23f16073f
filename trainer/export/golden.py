"""The golden output of a network: what ONNX Runtime answers when it is exported.

The service asks every network for it again before it serves it.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

STYLIZED_SIDE, ENLARGED_SIDE = 64, 32
"""Pixels of the test picture; enlarged it is up to 256, which is large enough to keep."""


def pair(serialized: bytes, sample_inputs: Sequence[str]) -> bytes:
    """An NPZ file of the ``inputs`` and the network's ``output``."""
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    given = inputs(sample_inputs)
    file = io.BytesIO()
    np.savez_compressed(file, output=session.run(["output"], given)[0], **given)
    return file.getvalue()


def inputs(sample_inputs: Sequence[str]) -> dict[str, Any]:
    """The test picture and what goes with it, by their names in the graph.

    A style gets the picture twice: mirrored, by half and in its own colours the second time.
    """
    if not sample_inputs:
        return {"image": test_picture(ENLARGED_SIDE)[None]}
    picture = test_picture(STYLIZED_SIDE)
    values = {"strength": (1, 0.5), "preserve_color": (0, 1)}
    return {
        **{name: np.array(values[name], np.float32) for name in sample_inputs},
        "image": np.stack([picture, picture[:, ::-1]]),
    }


def test_picture(side: int) -> NDArray[np.uint8]:
    """Colours that run into each other, with sharp edges, lines and fine checks; [side, side, 3].

    Computed in integers, so that it is the same everywhere.
    """
    y, x = np.mgrid[:side, :side]
    red, green = x * 255 // (side - 1), y * 255 // (side - 1)
    picture = np.stack([red, green, 255 - (red + green) // 2], axis=-1)
    disk = (2 * x - side) ** 2 + (2 * y - side) ** 2 < side * side // 3
    picture[disk] = 255 - picture[disk]
    band = side // 4
    checks = (x // 4 + y // 8) % 2 == 0
    picture[:band][checks[:band]] = 230, 40, 30
    picture[-band:][checks[-band:]] = 20, 30, 120
    return picture.astype(np.uint8)
