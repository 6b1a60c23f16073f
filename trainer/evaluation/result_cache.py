"""Results of long work, kept so that an experiment that was killed goes on where it was.

A result's name ends in a digest of all that it depends on: what was measured with another
painting, loss or photograph is never taken for it.
"""

import hashlib
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainer import atomic
from trainer.errors import TrainerError


class Kept:
    """The results in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def numbers(self, name: str, depends_on: Any, measure: Callable[[], Any]) -> Any:
        """What JSON can hold."""
        file = self._file(name, depends_on, ".json")
        if not file.exists():
            atomic.write(file, json.dumps(measure()).encode())
        return json.loads(file.read_text())

    def picture(
        self, name: str, depends_on: Any, make: Callable[[], NDArray[np.uint8]]
    ) -> NDArray[np.uint8]:
        """uint8 RGB [H, W, 3]."""
        file = self._file(name, depends_on, ".png")
        if not file.exists():
            png = BytesIO()
            Image.fromarray(make()).save(png, "PNG")
            atomic.write(file, png.getvalue())
        with Image.open(file) as opened:
            return np.asarray(opened)

    def _file(self, name: str, depends_on: Any, suffix: str) -> Path:
        """``depends_on``: anything that JSON can hold."""
        text = json.dumps(depends_on, sort_keys=True)
        return self.folder / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}{suffix}"


def digest(file: Path) -> str:
    """SHA-256 (hex) of a file that a result depends on."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainerError(f"{file}: {error.strerror}") from error
