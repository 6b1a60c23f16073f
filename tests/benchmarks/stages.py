"""Where the time of a request goes, for one client at a time: the stages of Server-Timing.

    python -m tests.benchmarks.stages [--requests 100]

What is in no stage is HTTP at both ends, and the way from one thread to the next.
"""

import argparse
import http.client
import re
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from tests.benchmarks import contenders
from tests.benchmarks.contenders import MODEL
from tests.benchmarks.markdown import Report, progress
from tests.benchmarks.photographs import SIDES, square

STAGES = ("decode", "queue", "infer", "encode")
_WARM_UP = 10


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=100, help="of each size")
    parser.add_argument("--model", default=MODEL, help="name of a style")
    parser.add_argument("--markdown", type=Path, help="file to append the table to")
    options = parser.parse_args(arguments)

    rows = []
    with contenders.ours(options.model) as server:
        for side in SIDES:
            progress(f"{side}x{side}")
            taken = measure(server.url, square(side), options.requests)
            medians = [median(row) for row in zip(*taken, strict=True)]
            rows.append([f"{side}x{side}", *(f"{milliseconds:.1f}" for milliseconds in medians)])
    report = Report(options.markdown)
    report.paragraph(
        f"{options.model}, one client, median milliseconds of {options.requests} requests:"
    )
    report.table(["image", *STAGES, "all else", "together"], rows)


def measure(url: str, jpeg: bytes, requests: int) -> list[list[float]]:
    """Milliseconds of each request: in its stages, in none of them, and together."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port)
    taken = []
    for _ in range(_WARM_UP + requests):
        started = time.perf_counter()
        connection.request("POST", parts.path, jpeg, {"Content-Type": "image/jpeg"})
        answer = connection.getresponse()
        answer.read()
        together = 1000 * (time.perf_counter() - started)
        if answer.status != 200:
            raise SystemExit(f"a request was answered with {answer.status}")
        said = dict(re.findall(r"(\w+);dur=([\d.]+)", answer.headers["Server-Timing"]))
        stages = [float(said[stage]) for stage in STAGES]
        taken.append([*stages, together - sum(stages), together])
    connection.close()
    return taken[_WARM_UP:]


if __name__ == "__main__":
    main()
