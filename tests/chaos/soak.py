"""Hours of a replica's life in minutes: steady load, and what grows meanwhile.

    python -m tests.chaos.soak [--minutes 20] [--share 0.8]

Photographs of many sizes arrive at random at a share of the throughput that was measured before, in
a closed loop. Memory, descriptors and threads of the real process are looked at every few seconds;
growth is the slope of a line through them by least squares, once the first quarter, in which every
size is met for the first time, is over. Exits with 1 if a request was not answered with a picture.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.benchmarks import contenders, processes
from tests.benchmarks.contenders import MODEL, Contender
from tests.benchmarks.load import FAILED, Generator, Phase, Request, generator, percentile
from tests.benchmarks.markdown import Report, progress
from tests.benchmarks.photographs import CYCLE, photographs

_SAMPLE_SECONDS = 2.0
_PROGRESS_SECONDS = 30.0
_WARM_UP = 0.25
"""The share of the time after which growth counts."""
_CLIENTS = 4
"""Of the closed loop."""


@dataclass(frozen=True)
class Sample:
    """The process at one moment."""

    seconds: float
    resident: int
    """Bytes."""
    descriptors: int
    threads: int


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.soak", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--minutes", type=float, default=20, help="of load (%(default)s)")
    parser.add_argument("--share", type=float, default=0.8, help="of the throughput (%(default)s)")
    parser.add_argument("--model", default=MODEL, help="name of a style (%(default)s)")
    parser.add_argument("--markdown", type=Path, help="file to append the tables to")
    options = parser.parse_args(arguments)

    seconds = 60 * options.minutes
    with contenders.ours(options.model) as server, generator() as clients:
        progress("measuring the throughput")
        throughput = measure_throughput(clients, server)
        rate = options.share * throughput
        requests = [Request(jpeg) for jpeg in photographs("mixed", round(rate * seconds), seed=1)]
        with processes.sampled(Watch(server.pid, seconds), _SAMPLE_SECONDS) as samples:
            phase = clients.opened(server.url, requests, rate)
    report = Report(options.markdown)
    report.paragraph(
        f"{options.minutes:g} minutes of {rate:.2f} photographs a second, {options.share:.0%} of "
        f"the {throughput:.2f} that {_CLIENTS} clients in a closed loop got:"
    )
    report.table(
        ["requests", "answered", "errors", "p50, s", "p95, s", "p99, s", "max, s"],
        [_answers(phase)],
    )
    report.table(["", "first", "last", "most", "growth an hour"], _growth(samples, seconds))
    return 0 if len(phase.latencies(200)) == len(phase.exchanges) else 1


def measure_throughput(clients: Generator, server: Contender) -> float:
    """Photographs a second, of all sizes, while some requests always wait."""
    requests = [Request(jpeg) for jpeg in photographs("mixed", 2 * CYCLE)]
    clients.closed(server.url, requests, _CLIENTS).expect_answers()  # warms up
    return clients.closed(server.url, requests, _CLIENTS).expect_answers().throughput


class Watch:
    """Looks at a process, and tells now and then how far it is."""

    def __init__(self, pid: int, seconds: float) -> None:
        self._pid = pid
        self._seconds = seconds
        self._began = self._told = time.monotonic()

    def __call__(self) -> Sample:
        now = time.monotonic()
        sample = Sample(
            now - self._began,
            resident=processes.status(self._pid, "VmRSS"),
            descriptors=sum(1 for _ in Path(f"/proc/{self._pid}/fd").iterdir()),
            threads=processes.status(self._pid, "Threads"),
        )
        if now - self._told >= _PROGRESS_SECONDS:
            self._told = now
            progress(
                f"{sample.seconds / 60:.1f} of {self._seconds / 60:g} minutes, "
                f"{sample.resident / 2**20:.0f} MiB, {sample.descriptors} descriptors, "
                f"{sample.threads} threads"
            )
        return sample


def slope(samples: Sequence[Sample], values: Sequence[float]) -> float:
    """An hour, by least squares."""
    hours = np.array([sample.seconds for sample in samples]) / 3600
    return float(np.polyfit(hours, values, 1)[0])


def _answers(phase: Phase) -> list[str]:
    answered = phase.latencies(200)
    others = Counter(each.status for each in phase.exchanges if each.status != 200)
    errors = [f"{'broken' if s == FAILED else s}: {n}" for s, n in sorted(others.items())]
    return [
        f"{len(phase.exchanges):,}",
        f"{len(answered):,}",
        ", ".join(errors) or "0",
        *(f"{percentile(answered, percent):.2f}" for percent in (50, 95, 99, 100)),
    ]


def _growth(samples: Sequence[Sample], seconds: float) -> list[list[str]]:
    counted = [sample for sample in samples if sample.seconds >= _WARM_UP * seconds]
    rows = []
    for name, values in (
        ("memory (RSS), MiB", [sample.resident / 2**20 for sample in counted]),
        ("file descriptors", [float(sample.descriptors) for sample in counted]),
        ("threads", [float(sample.threads) for sample in counted]),
    ):
        shown = f"{values[0]:.0f}", f"{values[-1]:.0f}", f"{max(values):.0f}"
        rows.append([name, *shown, f"{slope(counted, values):+.1f}"])
    return rows


if __name__ == "__main__":
    sys.exit(main())
