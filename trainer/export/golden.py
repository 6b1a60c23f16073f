"""Golden inputs and outputs of a network: what ONNX Runtime computes when it is exported.

The service checks that it gets the same before it serves a network.
"""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from trainer.networks.canvas import SampleInputs

STYLIZED_SIDE, ENLARGED_SIDE = 64, 32
"""Side of the test picture in pixels, for styles and upscalers; x8 enlarges it to 256."""


Inputs = Mapping[str, NDArray[Any]]
"""What a network takes, by name."""
Rows = NDArray[np.float32]
"""Rows of a Painter, [rows, D]."""


def pair(serialized: bytes, given: Inputs) -> bytes:
    """An NPZ file of inputs by name, and of the ``output`` of a serialized ONNX model for them."""
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    file = io.BytesIO()
    output = session.run(["output"], dict(given))[0]
    np.savez_compressed(file, **{**given, "output": output})
    return file.getvalue()


def inputs(sample_inputs: SampleInputs, rows: Rows | None = None) -> Inputs:
    """The golden inputs by their names in the graph: the test picture, and what a style needs.

    A style gets the picture twice: mirrored, by half and in its own colours the second time. A
    Painter gets it for each of ``rows``, every other time so.
    """
    if not sample_inputs:
        return {"image": test_picture(ENLARGED_SIDE)[None]}
    picture = test_picture(STYLIZED_SIDE)
    count = 2 if rows is None else len(rows)
    odd = np.arange(count) % 2
    values = {"strength": 1 - odd / 2, "preserve_color": odd, "style": rows}
    return {
        **{name: np.array(values[name], np.float32) for name in sample_inputs},
        "image": np.stack([picture[:, ::-1] if mirrored else picture for mirrored in odd]),
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
