"""Replacing a file as a whole."""

import os
from pathlib import Path


def write(file: Path, content: bytes) -> None:
    """A reader sees the old bytes or the new ones; once this returns they survive a power cut."""
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)
