"""Reports of experiments: figures as CSV and Markdown, pictures as PNG or JPEG.

The Markdown also goes into README.md of the same folder, between the comments `<!-- NAME -->` and
`<!-- end of NAME -->`, so that repeating an experiment refreshes the page.
"""

import csv
import io
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image

from trainer import atomic

Cell = str | int | float | bool | None


class Report:
    """The files of one experiment in a folder; ``name`` is theirs, without suffix."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.name = name

    def csv(self, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([header, *rows])
        self._write(".csv", text.getvalue().encode())

    def markdown(self, *paragraphs: str) -> None:
        text = "\n\n".join(paragraphs) + "\n"
        self._write(".md", text.encode())
        page = self.folder / "README.md"
        if page.exists():
            atomic.write(page, included(page.read_text(), self.name, text).encode())

    def picture(
        self, drawn: Image.Image, text: str, suffix: Literal[".png", ".jpg"] = ".png"
    ) -> str:
        """Returns how the Markdown shows it; ``text`` says what there is to see."""
        file = BytesIO()
        kind = "PNG" if suffix == ".png" else "JPEG"
        drawn.save(file, kind, optimize=True, quality=90)  # PNG has no quality
        self._write(suffix, file.getvalue())
        return f"![{text}]({self.name}{suffix})"

    def _write(self, suffix: str, content: bytes) -> None:
        file = self.folder / f"{self.name}{suffix}"
        atomic.write(file, content)
        print(f"wrote {file}")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (header, rule, *rows))


def included(page: str, name: str, text: str) -> str:
    """The page with ``text`` between its two comments, or unchanged where it has none."""
    start, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    before, found, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        return page
    return f"{before}{start}\n{text}\n{end}{after}"
