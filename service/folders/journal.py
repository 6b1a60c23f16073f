"""The journal of an output folder, by which a later run makes only what is missing.

It has a line for each picture, written before the picture is renamed into place: whatever ends a
run, every picture in the folder that a run made has its line.
"""

import hashlib
import json
import os
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

NAME = ".perceptual.jsonl"


class Journal:
    """The journal of one output folder; pictures are recognised by their content."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / NAME
        self._fingerprints: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._ends_in_line = True
        with suppress(FileNotFoundError):
            lines = self._file.read_bytes()
            self._ends_in_line = lines.endswith(b"\n") or not lines
            for line in lines.splitlines():
                with suppress(ValueError, KeyError, TypeError):  # the last may be cut off
                    entry = json.loads(line)
                    self._fingerprints[entry["picture"]][entry["sha256"]] = entry["origin"]

    def knows(self, picture: Path) -> bool:
        """Whether a run ever made a picture of this name."""
        return self._name(picture) in self._fingerprints

    def fingerprint(self, picture: Path) -> str | None:
        """What the picture was made of and how; None if no run made it, or it was changed since."""
        with picture.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        return self._fingerprints.get(self._name(picture), {}).get(digest)

    def write(self, picture: Path, content: bytes, fingerprint: str) -> None:
        """Replace the picture as a whole: a reader sees the old one or the new one."""
        picture.parent.mkdir(parents=True, exist_ok=True)
        partial = picture.with_name(f".{picture.name}.partial")
        try:
            with partial.open("wb") as opened:
                opened.write(content)
                opened.flush()
                os.fsync(opened.fileno())
            self._append(picture, hashlib.sha256(content).hexdigest(), fingerprint)
            partial.replace(picture)
        except OSError:
            with suppress(OSError):
                partial.unlink()
            raise

    def _append(self, picture: Path, digest: str, fingerprint: str) -> None:
        name = self._name(picture)
        entry = json.dumps({"picture": name, "sha256": digest, "origin": fingerprint})
        with self._file.open("ab", buffering=0) as opened:  # one write, so that threads take turns
            opened.write(f"{'' if self._ends_in_line else chr(10)}{entry}\n".encode())
        self._ends_in_line = True
        self._fingerprints[name][digest] = fingerprint

    def _name(self, picture: Path) -> str:
        return picture.relative_to(self._folder).as_posix()
