"""What it saves that clients leave before their answer: half of them, against none.

    python -m tests.benchmarks.departures [--clients 24] [--leave-after 0.5] [--rounds 3]

All clients arrive at once, so that nearly all who leave are still in the queue. The same load, with
everyone staying, takes turns with it. What the server spent is told by the kernel (processor time
of its processes) and by itself (/metrics); both count work for clients that have gone.
"""

import argparse
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from urllib.parse import urljoin

import httpx

from tests.benchmarks import contenders, processes
from tests.benchmarks.contenders import MODEL, PEERS, Contender, awake
from tests.benchmarks.load import LEFT, Generator, Request, generator
from tests.benchmarks.markdown import Report, progress
from tests.benchmarks.photographs import photographs

_SAMPLE = re.compile(r"^(perceptual_\w+?)(?:\{[^}]*\})? (\S+)$", re.M)
_RUN_IMAGES = "perceptual_batch_images_sum"


@dataclass(frozen=True)
class Cost:
    """What one load cost the server."""

    clients: int
    left: int
    seconds: float
    """Until the last who stayed was answered."""
    processor_seconds: float
    images: float
    """That went through the network; NaN if the server does not say."""
    metrics: Mapping[str, float]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=24)
    parser.add_argument("--leave-after", type=float, default=0.5, help="seconds")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=[])
    parser.add_argument("--model", default=MODEL, help="name of a style")
    parser.add_argument("--markdown", type=Path, help="file to append the tables to")
    options = parser.parse_args(arguments)

    jpegs = photographs("uniform", options.clients)
    staying = [Request(jpeg) for jpeg in jpegs]
    leaving = [
        Request(jpeg, patience=options.leave_after if place % 2 else math.inf)
        for place, jpeg in enumerate(jpegs)
    ]
    rows, own_words = [], Counter[str]()
    with contenders.started(options.peers, options.model) as servers, generator() as clients:
        for server in servers:
            progress(f"{server.name}: {options.rounds} rounds")
            stayed, left = [], []
            with awake(server):
                clients.closed(server.url, staying[:8], 4).expect_answers()
                for _ in range(options.rounds):
                    stayed.append(measure(clients, server, staying))
                    left.append(measure(clients, server, leaving))
            rows += _rows(server.name, stayed, left)
            for cost in left:
                own_words.update(cost.metrics)
    report = Report(options.markdown)
    report.paragraph(
        f"{options.clients} clients at once, 512x512; every second one leaves after "
        f"{options.leave_after:g} s. Means of {options.rounds} rounds:"
    )
    report.table(
        ["server", "clients", "images run", "processor, s", "until done, s", "saved, s", "of cost"],
        rows,
    )
    for name, total in own_words.items():
        if re.search("(cancel|saved).*_total$", name):
            report.paragraph(f"`{name}`: {total / options.rounds:.3g} a round")


def measure(clients: Generator, server: Contender, requests: Sequence[Request]) -> Cost:
    processor, metrics = processes.processor_seconds(server.pid), _metrics(server)
    phase = clients.opened(server.url, requests, math.inf)
    spent = processes.processor_seconds(server.pid) - processor
    counted = _metrics(server)
    counted.subtract(metrics)
    images = counted[_RUN_IMAGES] if metrics else math.nan
    left = len(phase.latencies(LEFT))
    return Cost(len(requests), left, phase.seconds, spent, images, counted)


def _metrics(server: Contender) -> Counter[str]:
    """The server's own counters, summed over labels; none where it has no such page."""
    totals = Counter[str]()
    answer = httpx.get(urljoin(server.url, "/metrics"))
    for name, value in _SAMPLE.findall(answer.text if answer.is_success else ""):
        totals[name] += float(value)  # type: ignore[assignment]  # any number can be counted
    return totals


def _rows(name: str, stayed: Sequence[Cost], left: Sequence[Cost]) -> list[list[str]]:
    saved = fmean(c.processor_seconds for c in stayed) - fmean(c.processor_seconds for c in left)
    # Had those who left cost nothing, as much would have been saved as they cost when they stayed.
    cost = fmean(c.processor_seconds / c.clients for c in stayed) * fmean(c.left for c in left)
    return [
        [name, "all stay", *_means(stayed), "", ""],
        [name, "half leave", *_means(left), f"{saved:.2f}", f"{100 * saved / cost:.0f}%"],
    ]


def _means(costs: Sequence[Cost]) -> list[str]:
    return [
        f"{fmean(cost.images for cost in costs):.1f}",
        f"{fmean(cost.processor_seconds for cost in costs):.2f}",
        f"{fmean(cost.seconds for cost in costs):.2f}",
    ]


if __name__ == "__main__":
    main()
