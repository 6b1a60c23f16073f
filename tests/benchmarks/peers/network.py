"""The network as every peer runs it: the service's file, session options and JPEG settings.

Only how requests reach it differs between the peers. What a peer is told comes in environment
variables, since some frameworks import its module in processes of their own.
"""

import os
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

PORT = int(os.environ["PEER_PORT"])
THREADS = int(os.environ["PEER_THREADS"])
NETWORK_THREADS = int(os.environ.get("PEER_NETWORK_THREADS", THREADS))

Pixels = NDArray[np.uint8]


class Network:
    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = NETWORK_THREADS
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(
            os.environ["PEER_MODEL"], options, ["CPUExecutionProvider"]
        )

    def run(self, images: Sequence[Pixels]) -> list[Pixels]:
        """Transform images [H, W, 3], in order; those of one shape go together, none is padded."""
        groups: dict[tuple[int, ...], list[int]] = {}
        for place, image in enumerate(images):
            groups.setdefault(image.shape, []).append(place)
        outputs: dict[int, Pixels] = {}
        for places in groups.values():
            feeds = {
                "image": np.stack([images[place] for place in places]),
                "strength": np.ones(len(places), np.float32),
                "preserve_color": np.zeros(len(places), np.float32),
            }
            (output,) = self._session.run(["output"], feeds)
            outputs.update(zip(places, output, strict=True))
        return [outputs[place] for place in range(len(images))]


def decode(jpeg: bytes) -> Pixels:
    return np.asarray(Image.open(BytesIO(jpeg)).convert("RGB"))


def encode(pixels: Pixels) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90, subsampling="4:4:4")
    return file.getvalue()
