"""Atomic writes of files and folders."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path


def write(file: Path, content: bytes) -> None:
    """Replace a file atomically: a reader sees the old bytes or the new ones.

    Once this returns, they survive a power cut. Missing folders are made.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    partial.replace(file)


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Replace a folder by one of these files (content by name), by renaming.

    A reader sees the old folder, for an instant none, then the new one with all of its files.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for name, content in files.items():
        write(partial / name, content)
    if folder.exists():
        replaced = folder.with_name(f".{folder.name}.replaced")
        shutil.rmtree(replaced, ignore_errors=True)
        folder.rename(replaced)
        partial.rename(folder)
        shutil.rmtree(replaced)
    else:
        partial.rename(folder)
