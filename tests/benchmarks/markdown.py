"""Tables that a document can hold as they are printed."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO


class Report:
    """Prints, and appends the same to a file if there is one."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    def paragraph(self, text: str) -> None:
        self._write(text + "\n\n")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """The first column holds names, all others numbers."""
        widths = [max(len(row[n]) for row in (header, *rows)) for n in range(len(header))]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        lines = [self._row(row, widths) for row in (header, rule, *rows)]
        self._write("\n".join(lines) + "\n\n")

    @staticmethod
    def _row(row: Sequence[str], widths: Sequence[int]) -> str:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        return f"| {' | '.join([first.strip().ljust(widths[0]), *others])} |"

    def _write(self, text: str) -> None:
        print(text, end="", flush=True)
        if self._file is not None:
            with self._file.open("a") as opened:
                opened.write(text)


def progress(text: str, stream: TextIO = sys.stderr) -> None:
    """A line that says what is measured now, apart from what is reported."""
    print(f"  {text}", file=stream, flush=True)
