"""All faults, at length, and a table of what came of them: python -m tests.chaos

Needs nginx (Debian: apt-get install nginx). Exits with 1 if a request was lost or answered wrongly.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.markdown import Report, progress
from tests.chaos import balancer, fleet
from tests.chaos.faults import CLIENTS, FAULTS, attacked


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--markdown", type=Path, help="file to append the table to")
    parser.add_argument("--rounds", type=int, default=10, help="times that each fault is done")
    arguments = parser.parse_args()
    if balancer.INSTALLED is None:
        parser.error("nginx is not installed (Debian: apt-get install nginx)")
    rows, intact = [], True
    with tempfile.TemporaryDirectory() as folder, fleet.running(Path(folder)) as running:
        for name, fault in FAULTS.items():
            progress(f"{name}, {arguments.rounds} times")
            seen = asyncio.run(attacked(running, fault, pace=50, rounds=arguments.rounds))
            tally = seen.tally
            counts = (tally.requests, tally.answered, tally.wrong, len(tally.lost), seen.retried)
            rows.append([name, *map("{:,}".format, counts)])
            intact = intact and tally.answered == tally.requests
            for loss in tally.lost:
                progress(f"lost: {loss}")
        count = len(running.replicas)
    report = Report(arguments.markdown)
    report.paragraph(
        f"{count} replicas behind nginx, {CLIENTS} clients in a closed loop, every fault done "
        f"{arguments.rounds} times:"
    )
    report.table(["fault", "requests", "answered", "wrong", "lost", "retried"], rows)
    return 0 if intact else 1


if __name__ == "__main__":
    sys.exit(main())
