"""The bare ONNX Runtime session: what any server can at best come near."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from service.cores import available_cores
from service.models import catalog
from service.models.catalog import Catalog
from service.models.runtime import Runtime
from tests.support.checkout import ROOT

Pixels = NDArray[np.uint8]


def session(network: Path | bytes) -> onnxruntime.InferenceSession:
    """On the CPU, with the service's session options."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = available_cores()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(network, options, ["CPUExecutionProvider"])


def served() -> Catalog:
    """The shipped models, in the files that the service takes on this machine's CPU."""
    return catalog.read(ROOT / "model_store", Runtime("cpu", threads=1).precision)


def run(session: onnxruntime.InferenceSession, pixels: Pixels) -> Pixels:
    """One picture, uint8 [H, W, 3], in full style."""
    feeds: dict[str, NDArray[Any]] = {
        "image": pixels[None],
        "strength": np.ones(1, np.float32),
        "preserve_color": np.zeros(1, np.float32),
    }
    taken = {value.name: feeds[value.name] for value in session.get_inputs()}
    (output,) = session.run(["output"], taken)[0]
    return output


def decoded(jpeg: bytes) -> Pixels:
    return np.asarray(Image.open(BytesIO(jpeg)))
