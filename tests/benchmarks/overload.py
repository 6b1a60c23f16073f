"""Twice as many requests as the service can answer, from clients that cannot wait.

    python -m tests.benchmarks.overload [--seconds 40] [--wait 2] [--peers fastapi]

Clients arrive at random at twice the capacity measured around it, and each says how long an
answer is of use to it (Prefer: wait). What counts is how much is answered within that time (in
pixels: a server that refused the large photographs only would seem to gain otherwise), how soon the
others are told that they will not be answered, and that memory does not grow. Peers know no
deadlines; name some to see what becomes of their clients.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from math import prod
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks import contenders, processes
from tests.benchmarks.contenders import MODEL, PEERS, Contender, awake
from tests.benchmarks.load import FAILED, LEFT, Generator, Phase, Request, generator, percentile
from tests.benchmarks.markdown import Report, progress
from tests.benchmarks.photographs import CYCLE, Shapes, photographs

TIMES_CAPACITY = 2.0
SHAPES: tuple[Shapes, ...] = ("uniform", "mixed")
_REFUSED, _TOO_LATE = 429, 504
_SAMPLE_SECONDS = 0.5


@dataclass(frozen=True)
class Trial:
    """One server under overload."""

    capacity: float
    """Megapixels a second."""
    jpegs: Sequence[bytes]
    phase: Phase
    memory: Sequence[int]
    """Bytes, twice a second."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=40, help="during which clients arrive")
    parser.add_argument("--wait", type=float, default=2, help="seconds that a client waits")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=[])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES)
    parser.add_argument("--model", default=MODEL, help="name of a style")
    parser.add_argument("--markdown", type=Path, help="file to append the tables to")
    options = parser.parse_args(arguments)

    served, refused = [], []
    with contenders.started(options.peers, options.model) as servers, generator() as clients:
        for shapes in options.shapes:
            for server in servers:
                progress(f"{server.name}, {shapes}")
                with awake(server):
                    trial = overload(clients, server, shapes, options.seconds, options.wait)
                name = f"{server.name}, {shapes}"
                served.append(_service(name, trial, options.wait))
                refused.append(_refusals(name, trial))
    report = Report(options.markdown)
    report.paragraph(
        f"Arrivals at {TIMES_CAPACITY:g} times the capacity for {options.seconds:g} s, "
        f"clients that wait {options.wait:g} s:"
    )
    report.table(
        ["server, shapes", "capacity, Mpx/s", "arrived", "in time", "goodput, Mpx/s", "of it"],
        served,
    )
    report.table(
        [
            "server, shapes",
            "refused",
            "p50, ms",
            "p99, ms",
            "expired",
            "left",
            "failed",
            "memory by quarters, MiB",
        ],
        refused,
    )


def overload(
    clients: Generator, server: Contender, shapes: Shapes, seconds: float, wait: float
) -> Trial:
    measure_capacity(clients, server, shapes)  # warms up
    before = measure_capacity(clients, server, shapes)
    rate = TIMES_CAPACITY * before / _mean_megapixels(shapes)
    jpegs = photographs(shapes, round(rate * seconds), seed=1)
    # A client without an answer leaves a little after the deadline, to see late ones as such.
    requests = [Request(jpeg, wait=wait, patience=wait + 1) for jpeg in jpegs]
    with processes.sampled(
        partial(processes.resident_bytes, server.pid), _SAMPLE_SECONDS
    ) as memory:
        phase = clients.opened(server.url, requests, rate)
    # The machine may have become slower or faster meanwhile.
    capacity = (before + measure_capacity(clients, server, shapes)) / 2
    return Trial(capacity, jpegs, phase, memory)


def measure_capacity(clients: Generator, server: Contender, shapes: Shapes) -> float:
    """Megapixels a second that the server answers while some requests always wait."""
    requests = [Request(jpeg) for jpeg in photographs(shapes, CYCLE)]
    phase = clients.closed(server.url, requests, 4).expect_answers()
    return CYCLE * _mean_megapixels(shapes) / phase.seconds


def _service(name: str, trial: Trial, wait: float) -> list[str]:
    in_time = [
        jpeg
        for jpeg, exchange in zip(trial.jpegs, trial.phase.exchanges, strict=True)
        if exchange.status == 200 and exchange.seconds <= wait
    ]
    goodput = sum(map(_megapixels, in_time)) / trial.phase.seconds
    return [
        name,
        f"{trial.capacity:.2f}",
        str(len(trial.jpegs)),
        str(len(in_time)),
        f"{goodput:.2f}",
        f"{100 * goodput / trial.capacity:.0f}%",
    ]


def _refusals(name: str, trial: Trial) -> list[str]:
    refusals = trial.phase.latencies(_REFUSED)
    quarters = np.array_split(trial.memory, min(4, len(trial.memory)))
    return [
        name,
        str(len(refusals)),
        f"{1000 * percentile(refusals, 50):.1f}",
        f"{1000 * percentile(refusals, 99):.1f}",
        *(str(len(trial.phase.latencies(status))) for status in (_TOO_LATE, LEFT, FAILED)),
        ", ".join(f"{quarter.max() / 2**20:.0f}" for quarter in quarters),
    ]


def _mean_megapixels(shapes: Shapes) -> float:
    return sum(map(_megapixels, photographs(shapes, CYCLE))) / CYCLE


def _megapixels(jpeg: bytes) -> float:
    return prod(Image.open(BytesIO(jpeg)).size) / 1e6


if __name__ == "__main__":
    main()
