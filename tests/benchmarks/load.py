"""The load generator: clients in a process of their own, and what they saw.

In a closed loop every client sends its next photograph when it has the answer to the last. In an
open loop clients arrive when they arrive (a Poisson process), whatever the server does; there, time
runs from the arrival, so that a server which is slow to take a connection does not look fast.
"""

import asyncio
import math
import multiprocessing
import random
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import h11
import numpy as np

from tests.benchmarks.connection import Connection

LEFT = 0
"""In the place of a status: the client did not wait for it."""
FAILED = -1
"""In the place of a status: the connection broke."""


@dataclass(frozen=True)
class Request:
    jpeg: bytes
    wait: float | None = None
    """The deadline that the server is told, in seconds (Prefer: wait)."""
    patience: float = math.inf
    """Seconds after which the client leaves."""


@dataclass(frozen=True)
class Exchange:
    """One request and what became of it."""

    status: int
    seconds: float


@dataclass(frozen=True)
class Phase:
    """What the clients saw of one server under one load."""

    exchanges: Sequence[Exchange]
    """In the order of the requests, if the loop was open."""
    seconds: float
    """From the first request to the last answer."""
    generator_seconds: float
    """Processor time that the load generator itself took meanwhile."""

    def latencies(self, *statuses: int) -> list[float]:
        return [exchange.seconds for exchange in self.exchanges if exchange.status in statuses]

    @property
    def throughput(self) -> float:
        """Pictures a second."""
        return len(self.latencies(200)) / self.seconds

    def expect_answers(self) -> "Phase":
        """Raises SystemExit if any request was not answered with a picture."""
        if failed := {exchange.status for exchange in self.exchanges} - {200}:
            raise SystemExit(f"requests were answered with {sorted(failed)} in place of 200")
        return self


def percentile(seconds: Sequence[float], percent: float) -> float:
    """Nearest rank, so that it is a latency that some client had; NaN of nothing."""
    return float(np.percentile(seconds, percent, method="higher")) if seconds else math.nan


class Generator:
    def __init__(self, process: ProcessPoolExecutor) -> None:
        self._process = process

    def closed(self, url: str, requests: Sequence[Request], clients: int) -> Phase:
        return self._process.submit(_run, _closed, url, requests, clients).result()

    def opened(self, url: str, requests: Sequence[Request], rate: float, seed: int = 0) -> Phase:
        """``rate`` is in requests a second; infinite: all arrive at once."""
        return self._process.submit(_run, _opened, url, requests, rate, seed).result()


@contextmanager
def generator() -> Iterator[Generator]:
    spawned = multiprocessing.get_context("spawn")  # of nothing that this process has open
    with ProcessPoolExecutor(1, mp_context=spawned) as process:
        yield Generator(process)


def _run(
    loop: Callable[..., Awaitable[list[Exchange]]],
    url: str,
    requests: Sequence[Request],
    *arguments: object,
) -> Phase:
    async def measure() -> Phase:
        busy, started = time.process_time(), time.perf_counter()
        exchanges = await loop(url, requests, *arguments)
        return Phase(exchanges, time.perf_counter() - started, time.process_time() - busy)

    return asyncio.run(measure())


async def _closed(url: str, requests: Sequence[Request], clients: int) -> list[Exchange]:
    left = iter(requests)

    async def client() -> list[Exchange]:
        connection = Connection(url)
        exchanges = [await _exchange(connection, request, time.perf_counter()) for request in left]
        connection.close()
        return exchanges

    async with asyncio.TaskGroup() as group:
        working = [group.create_task(client()) for _ in range(clients)]
    return [exchange for client in working for exchange in client.result()]


async def _opened(url: str, requests: Sequence[Request], rate: float, seed: int) -> list[Exchange]:
    chance = random.Random(seed)

    async def client(request: Request, arrival: float) -> Exchange:
        connection = Connection(url)
        exchange = await _exchange(connection, request, arrival)
        connection.close()
        return exchange

    arrival = time.perf_counter()
    arrived = []
    async with asyncio.TaskGroup() as group:
        for request in requests:
            arrival += 0 if math.isinf(rate) else chance.expovariate(rate)
            await asyncio.sleep(arrival - time.perf_counter())
            arrived.append(group.create_task(client(request, arrival)))
    return [client.result() for client in arrived]


async def _exchange(connection: Connection, request: Request, started: float) -> Exchange:
    headers = {} if request.wait is None else {"Prefer": f"wait={request.wait:g}"}
    patience = None if math.isinf(request.patience) else request.patience
    try:
        async with asyncio.timeout(patience):
            status = (await connection.post(request.jpeg, headers)).status
    except TimeoutError:
        connection.close()
        status = LEFT
    except (OSError, h11.RemoteProtocolError):
        connection.close()
        status = FAILED
    return Exchange(status, time.perf_counter() - started)
