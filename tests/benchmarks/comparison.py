"""Ours against what people would use instead: the same network behind each, in one run.

    python -m tests.benchmarks.comparison [--seconds 5] [--rounds 2] [--peers fastapi litserve]

Every server gets the same photographs in the same order, by the same number of clients in a closed
loop. They take turns phase by phase, in another order each round, so that a noisy machine disturbs
all alike; the ones whose turn it is not are paused.
"""

import argparse
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.cores import available_cores
from tests.benchmarks import contenders, processes
from tests.benchmarks.contenders import MODEL, PEERS, Contender, awake
from tests.benchmarks.load import Generator, Phase, Request, generator, percentile
from tests.benchmarks.markdown import Report, progress
from tests.benchmarks.photographs import Shapes, photographs

CLIENTS = (1, 4, 16)
SHAPES: tuple[Shapes, ...] = ("uniform", "mixed")
_DESCRIBED = {"uniform": "512x512", "mixed": "mixed shapes, longer side 256, 512 or 1024"}
# BentoML's dispatcher experiments with its first two dozen requests.
_WARM_UP = 30
# Seconds: now and then BentoML answers a request never.
_PATIENCE = 60.0

Load = tuple[Shapes, int]
"""Which shapes, and by how many clients."""


@dataclass(frozen=True)
class Turn:
    """One server's phase under one load."""

    phase: Phase
    processor_seconds: float
    """Of all its processes."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5, help="of one phase, about")
    parser.add_argument("--rounds", type=int, default=2, help="phases a server and load")
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=list(PEERS))
    parser.add_argument("--clients", nargs="+", type=int, default=CLIENTS)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES)
    parser.add_argument("--model", default=MODEL, help="name of a style")
    parser.add_argument("--markdown", type=Path, help="file to append the tables to")
    options = parser.parse_args(arguments)

    with contenders.started(options.peers, options.model) as servers, generator() as clients:
        contenders.check_alike(servers)
        loads = [(shapes, number) for shapes in options.shapes for number in options.clients]
        turns = compare(clients, servers, loads, options.seconds, options.rounds)
    report = Report(options.markdown)
    for load in loads:
        _tabulate(report, load, {server.name: turns[server.name, load] for server in servers})
    every = [turn.phase for pair in turns.values() for turn in pair]
    share = sum(p.generator_seconds for p in every) / sum(p.seconds for p in every)
    report.paragraph(
        f"{options.model}, {available_cores()} cores, of which the load generator took "
        f"{100 * share / available_cores():.1f}%."
    )


def compare(
    clients: Generator,
    servers: Sequence[Contender],
    loads: Sequence[Load],
    seconds: float,
    rounds: int,
) -> dict[tuple[str, Load], list[Turn]]:
    """Turns by server and load."""
    # Each server meets every shape before it counts, and those that learn from their load do.
    pace: dict[Shapes, float] = {}
    for shapes in {shapes: None for shapes, _ in loads}:
        requests = _requests(shapes, _WARM_UP)
        for server in reversed(servers):  # ours last, since its pace decides
            progress(f"warming up {server.name}, {shapes}")
            with awake(server):
                phase = clients.closed(server.url, requests, 4)
        pace[shapes] = phase.throughput

    turns: dict[tuple[str, Load], list[Turn]] = {
        (server.name, load): [] for server in servers for load in loads
    }
    for number_of_round in range(rounds):
        for load in loads:
            shapes, number = load
            # The same work for all, rather than the same time: a server that answered the small
            # photographs first would gain otherwise. Each client sends two at least.
            count = max(math.ceil(seconds * pace[shapes]), 2 * number)
            requests = _requests(shapes, count, seed=number_of_round)
            for server in random.Random(number_of_round).sample(servers, len(servers)):
                progress(f"round {number_of_round + 1}: {server.name}, {shapes}, {number} clients")
                with awake(server):
                    before = processes.processor_seconds(server.pid)
                    phase = clients.closed(server.url, requests, number)
                    spent = processes.processor_seconds(server.pid) - before
                turns[server.name, load].append(Turn(phase, spent))
    return turns


def _requests(shapes: Shapes, count: int, seed: int = 0) -> list[Request]:
    return [Request(jpeg, patience=_PATIENCE) for jpeg in photographs(shapes, count, seed)]


def _tabulate(report: Report, load: Load, turns: dict[str, list[Turn]]) -> None:
    shapes, clients = load
    phases = {name: [turn.phase for turn in taken] for name, taken in turns.items()}
    latencies = {name: [s for p in ps for s in p.latencies(200)] for name, ps in phases.items()}
    rates = {
        name: len(latencies[name]) / sum(phase.seconds for phase in ps)
        for name, ps in phases.items()
    }
    tails = {name: percentile(seconds, 99) for name, seconds in latencies.items()}
    rows = []
    for name, seconds in latencies.items():
        rate, tail = f"{rates[name]:.2f}", f"{tails[name]:.2f}"
        spent = sum(turn.processor_seconds for turn in turns[name])
        each = 1000 * spent / len(seconds) if seconds else math.nan
        rows.append(
            [
                name,
                f"**{rate}**" if rates[name] == max(rates.values()) else rate,
                f"{percentile(seconds, 50):.2f}",
                f"{percentile(seconds, 95):.2f}",
                f"**{tail}**" if tails[name] == min(tails.values()) else tail,
                f"{each:.0f}",
                str(sum(len(p.exchanges) for p in phases[name]) - len(seconds)),
            ]
        )
    count = sum(len(phase.exchanges) for phase in next(iter(phases.values())))
    plural = "client" if clients == 1 else "clients"
    report.paragraph(f"{_DESCRIBED[shapes]}, {clients} {plural}, {count} requests each:")
    report.table(
        ["server", "images/s", "p50, s", "p95, s", "p99, s", "core ms each", "failed"], rows
    )


if __name__ == "__main__":
    main()
