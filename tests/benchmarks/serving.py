"""What serving costs: the service over HTTP against the bare ONNX Runtime session, in one run.

    python -m tests.benchmarks.serving [--seconds 5] [--rounds 3]

Both use the same number of threads and transform the same photograph, the session from pixels to
pixels, the service from JPEG to JPEG for several clients at a time. They take turns, so that a
noisy machine disturbs both alike.
"""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from onnxruntime import InferenceSession

from service.cores import available_cores
from tests.benchmarks import contenders, sessions
from tests.benchmarks.contenders import MODEL, Contender
from tests.benchmarks.load import Generator, Phase, Request, generator
from tests.benchmarks.markdown import Report, progress
from tests.benchmarks.photographs import SIDES, square


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5, help="of one turn, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, default=4, help="of the service, at a time")
    parser.add_argument("--model", default=MODEL, help="name of a style")
    parser.add_argument("--markdown", type=Path, help="file to append the table to")
    options = parser.parse_args(arguments)

    model = sessions.served().style(options.model).model
    session = sessions.session(model.file)
    rows = []
    with contenders.ours(options.model) as server, generator() as clients:
        for side in SIDES:
            progress(f"{side}x{side}")
            bare, phases = measure(
                session,
                clients,
                server,
                square(side),
                options.seconds,
                options.rounds,
                options.clients,
            )
            served = sum(len(p.exchanges) for p in phases) / sum(p.seconds for p in phases)
            loading = sum(p.generator_seconds for p in phases) / sum(p.seconds for p in phases)
            rows.append(
                [
                    f"{side}x{side}",
                    f"{bare:.1f}",
                    f"{served:.1f}",
                    f"{served / bare:.2f}",
                    f"{100 * loading / available_cores():.1f}%",
                ]
            )
    report = Report(options.markdown)
    report.paragraph(
        f"{options.model}, {available_cores()} threads; images a second, for {options.clients} "
        "clients, JPEG in and out; and the share of the cores that the clients took:"
    )
    report.table(["image", "bare session", "served", "served / bare", "clients"], rows)


def measure(
    session: InferenceSession,
    clients: Generator,
    server: Contender,
    jpeg: bytes,
    seconds: float,
    rounds: int,
    number: int,
) -> tuple[float, list[Phase]]:
    """Images a second of the bare session, and what the service's clients saw."""
    pixels = sessions.decoded(jpeg)
    sessions.run(session, pixels)
    start = time.perf_counter()
    sessions.run(session, pixels)
    count = max(number, round(seconds / (time.perf_counter() - start)))
    requests = [Request(jpeg)] * count
    clients.closed(server.url, requests[: 2 * number], number).expect_answers()
    taken, phases = 0.0, []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            sessions.run(session, pixels)
        taken += time.perf_counter() - start
        phases.append(clients.closed(server.url, requests, number).expect_answers())
    return rounds * count / taken, phases


if __name__ == "__main__":
    main()
