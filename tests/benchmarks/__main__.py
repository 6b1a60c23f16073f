"""All benchmarks, one after the other: python -m tests.benchmarks [--markdown FILE]

Takes about 20 minutes on two cores. Each part also runs alone, with options of its own:
python -m tests.benchmarks.comparison --help
"""

import argparse
import time
from pathlib import Path

from tests.benchmarks import (
    codecs,
    comparison,
    departures,
    networks,
    overload,
    serving,
    speedups,
    stages,
)
from tests.benchmarks.markdown import Report

PARTS = {
    "The service against the bare session": serving.main,
    "Where the time of a request goes": stages.main,
    "The service against other servers": comparison.main,
    "Twice the load that can be served": overload.main,
    "Clients that leave": departures.main,
    "Codecs": codecs.main,
    "What made the network fast": speedups.main,
    "The networks against another package's": networks.main,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--markdown", type=Path, help="file to append the tables to")
    file: Path | None = parser.parse_args().markdown
    report = Report(file)
    started = time.monotonic()
    for title, part in PARTS.items():
        report.paragraph(f"## {title}")
        part([] if file is None else ["--markdown", str(file)])
    report.paragraph(f"All in {(time.monotonic() - started) / 60:.1f} minutes.")


if __name__ == "__main__":
    main()
