"""The plan of a folder command: which files it reads, and where their results go."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.images import formats
from service.images.formats import ImageFormat


class Unplannable(Exception):
    """The command cannot be carried out; the text says why."""


@dataclass(frozen=True)
class Item:
    """One picture to make of a file."""

    source: Path
    output: Path
    """Below the output folder."""


@dataclass(frozen=True)
class Failure:
    """A file of which no picture could be made."""

    file: Path
    reason: str


@dataclass
class Plan:
    items: list[Item] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    """Files that are named or end like images, and cannot be read as such."""
    ignored: int = 0
    """Files in folders that neither begin nor end like images."""


def plan(inputs: Sequence[Path], out: Path, format: ImageFormat | None) -> Plan:
    """Read the first bytes of all files; ``format`` is that of the results, None the file's own.

    Of folders, hidden files and the output folder are left out. Raises Unplannable if an input is
    not there, if there is nothing to do, or if a result would take the place of an input or of
    another result.
    """
    if out.exists() and not out.is_dir():
        raise Unplannable(f"--out {out} is no folder")
    planned = Plan()
    outputs: dict[Path, Path] = {}
    for file, relative, named in _files(inputs, out, planned.failures):
        known_by_name = named or file.suffix.lower() in formats.SUFFIXES
        try:
            own_format = _format(file)
        except OSError as error:
            planned.failures.append(Failure(file, error.strerror or str(error)))
            continue
        if own_format is None:
            if known_by_name:
                planned.failures.append(Failure(file, f"not a {formats.READ} image"))
            else:
                planned.ignored += 1
            continue
        output = out / _suffixed(relative, format or own_format)
        first = outputs.setdefault(output, file)
        if first == file:
            planned.items.append(Item(file, output))
        elif first.resolve() != file.resolve():
            raise Unplannable(f"{first} and {file} would both be written to {output}")
    if not planned.items and not planned.failures:
        raise Unplannable(f"no images in {', '.join(map(str, inputs))}")
    sources = {item.source.resolve() for item in planned.items}
    for item in planned.items:
        if item.output.resolve() in sources:
            raise Unplannable(f"{item.output} would replace an input; choose another --out")
    return planned


def _files(
    inputs: Sequence[Path], out: Path, failures: list[Failure]
) -> Iterator[tuple[Path, Path, bool]]:
    """Files, their paths below the output folder, and whether they were named as arguments."""
    for given in inputs:
        if given.is_dir():
            if given.resolve() == out.resolve():
                raise Unplannable(f"--out {out} is a folder of inputs; choose another")
            for file in _walk(given, out, failures):
                yield file, file.relative_to(given), False
        elif given.is_file():
            yield given, Path(given.name), True
        else:
            raise Unplannable(f"{given}: no such file or folder")


def _walk(folder: Path, out: Path, failures: list[Failure]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        failures.append(Failure(Path(error.filename), error.strerror or str(error)))

    output_folder = out.resolve()
    for parent, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and Path(parent, name).resolve() != output_folder
        )
        for name in sorted(names):
            file = Path(parent, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _format(file: Path) -> ImageFormat | None:
    with file.open("rb") as opened:
        return formats.output_format(opened.read(formats.MAGIC_BYTES))


def _suffixed(relative: Path, format: ImageFormat) -> Path:
    """With the file's own suffix if that is one of the format's, else with the format's."""
    if formats.SUFFIXES.get(relative.suffix.lower()) == format.upper():
        return relative
    return relative.with_suffix(f".{'jpg' if format == 'jpeg' else format}")
