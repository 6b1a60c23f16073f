"""Golden inputs and outputs of a network: what ONNX Runtime computes when it is exported.

The service checks that it gets the same before it serves a network.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

STYLIZED_SIDE, ENLARGED_SIDE = 64, 32
"""Side of the test picture in pixels, for styles and upscalers; x8 enlarges it to 256."""


def pair(serialized: bytes, sample_inputs: Sequence[str]) -> bytes:
    """An NPZ file of the ``inputs`` and the ``output`` of a serialized ONNX model."""
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    given = inputs(sample_inputs)
    file = io.BytesIO()
    np.savez_compressed(file, output=session.run(["output"], given)[0], **given)
    return file.getvalue()


def inputs(sample_inputs: Sequence[str]) -> dict[str, Any]:
    """The golden inputs by their names in the graph: the test picture, and what a style needs.

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
    """Colour gradients with sharp edges, lines and fine checks, uint8 RGB [side, side, 3].

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
