"""What an output folder remembers of its pictures, so that a later run makes only what is missing.

A line a picture, written before the picture takes its place: whatever ends a run, a picture that
is there and was made here has its line.
"""

import hashlib
import json
import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

NAME = ".perceptual.jsonl"


class Journal:
    """Of one output folder; its pictures are told by their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / NAME
        self._origins: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._ends_in_line = True
        with suppress(FileNotFoundError):
            lines = self._file.read_bytes()
            self._ends_in_line = lines.endswith(b"\n") or not lines
            for line in lines.splitlines():
                with suppress(ValueError, KeyError, TypeError):  # the last may be cut off
                    entry = json.loads(line)
                    self._origins[entry["picture"]][entry["sha256"]] = entry["origin"]

    def knows(self, picture: Path) -> bool:
        """Whether a picture was ever made here under this name."""
        return self._name(picture) in self._origins

    def origin(self, picture: Path) -> str | None:
        """Of the picture that is there; None if it was not made here, or changed since."""
        with picture.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return self._origins.get(self._name(picture), {}).get(digest)

    def write(self, picture: Path, content: bytes, origin: str) -> None:
        """Replace the picture as a whole: a reader sees the old one or the new one."""
        picture.parent.mkdir(parents=True, exist_ok=True)
        partial = picture.with_name(f".{picture.name}.partial")
        try:
            with partial.open("wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            self._append(picture, hashlib.sha256(content).hexdigest(), origin)
            partial.replace(picture)
        except OSError:
            with suppress(OSError):
                partial.unlink()
            raise

    def _append(self, picture: Path, digest: str, origin: str) -> None:
        name = self._name(picture)
        entry = json.dumps({"picture": name, "sha256": digest, "origin": origin})
        with self._file.open("ab", buffering=0) as opened:  # one write, so that threads take turns
            opened.write(f"{'' if self._ends_in_line else chr(10)}{entry}\n".encode())
        self._ends_in_line = True
        self._origins[name][digest] = origin

    def _name(self, picture: Path) -> str:
        return picture.relative_to(self._folder).as_posix()
