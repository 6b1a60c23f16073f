"""Tables that commands write."""

import csv
from pathlib import Path


def rows(file: Path) -> list[dict[str, str]]:
    """Rows of a CSV file, by column."""
    with file.open() as opened:
        return list(csv.DictReader(opened))
