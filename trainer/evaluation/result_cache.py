"""A cache on disk for results of long work, so that a killed experiment resumes where it was.

A key ends in a digest of everything that the result depends on, so what was measured with another
painting, loss or photograph is never taken for it.
"""

import hashlib
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer import atomic
from trainer.errors import TrainerError


class ResultCache:
    """The results in one folder, a file each; files are written atomically."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> Any | None:
        """The JSON value that was put under ``key``, or None."""
        file = self._json(key)
        return json.loads(file.read_text()) if file.exists() else None

    def put(self, key: str, value: Any) -> None:
        """``value``: whatever JSON can hold, except null."""
        atomic.write(self._json(key), json.dumps(value).encode())

    def get_picture(self, key: str) -> NDArray[np.uint8] | None:
        """The picture that was put under ``key``, uint8 RGB [H, W, 3], or None."""
        file = self._png(key)
        if not file.exists():
            return None
        with Image.open(file) as opened:
            return np.asarray(opened)

    def put_picture(self, key: str, pixels: NDArray[np.uint8]) -> None:
        """``pixels``: uint8 RGB [H, W, 3], kept without loss."""
        png = BytesIO()
        Image.fromarray(pixels).save(png, "PNG")
        atomic.write(self._png(key), png.getvalue())

    def _json(self, key: str) -> Path:
        return self.folder / f"{key}.json"

    def _png(self, key: str) -> Path:
        return self.folder / f"{key}.png"


def key_of(name: str, depends_on: Any) -> str:
    """``name`` and a digest of ``depends_on``, which is anything that JSON can hold."""
    text = json.dumps(depends_on, sort_keys=True)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def digest(file: Path) -> str:
    """SHA-256 (hex) of a file that a result depends on; raises TrainerError if it is missing."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainerError(f"{file}: {error.strerror}") from error
