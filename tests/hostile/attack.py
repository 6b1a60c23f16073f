"""Sends cases to a real process over real sockets, and judges each answer."""

import json
import select
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.benchmarks import processes
from tests.hostile.case import SILENCE, Case, upload
from tests.hostile.pictures import photographs
from tests.support.server import Server

PATIENCE_SECONDS = 60.0
"""After which an answer is missing, on however slow a machine."""
MOST_MEMORY_MIB = 1536
"""What one request at a time may add to an idle service."""
OPTIONS = ("--body-timeout-seconds", "2", "--head-timeout-seconds", "4")

# What is refused before there is a route: no HTTP, too large a head.
_OF_NO_ROUTE = {SILENCE, 400, 404, 405, 431}
_PIECE = 1 << 16


@dataclass(frozen=True)
class Answer:
    status: int
    """SILENCE where there was none."""
    content_type: str
    body: bytes
    seconds: float
    """From the last byte sent."""


@dataclass
class Tally:
    """What came of a family of cases."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    peak_mib: float = 0.0
    """Most memory at any moment, above what there was before."""
    growth_mib: float = 0.0
    """Memory that was kept afterwards."""
    wrongs: list[str] = field(default_factory=list)


class Attack:
    """A running service under test."""

    def __init__(self, server: Server) -> None:
        self.server = server
        described = httpx.get(f"{server.url}/openapi.json").json()["paths"]
        self._documented: Mapping[str, set[int]] = {
            path: {int(status) for status in operations["post"]["responses"]}
            for path, operations in described.items()
            if "post" in operations
        }
        self._good = upload("good", lambda: photographs()["jpeg"], 200)

    def run(self, cases: Iterable[Case]) -> Tally:
        """Send them one after the other, and a good picture after each."""
        tally = Tally()
        self._judged(self._good)  # so that its memory is not taken for theirs
        _forget_peak(self.server.process.pid)
        before = _memory_mib(self.server.process.pid, "VmRSS")
        for case in cases:
            answer, wrong = self._judged(case)
            tally.statuses[answer.status] += 1
            tally.slowest = max(tally.slowest, answer.seconds)
            if wrong is None:
                _, after = self._judged(self._good)
                wrong = None if after is None else f"the next good request: {after}"
            if wrong is not None:
                tally.wrongs.append(f"{case.name}: {wrong}")
            if self.server.process.poll() is not None:
                tally.wrongs.append(f"{case.name}: the process ended")
                return tally
        pid = self.server.process.pid
        tally.peak_mib = max(0.0, _memory_mib(pid, "VmHWM") - before)
        tally.growth_mib = max(0.0, _memory_mib(pid, "VmRSS") - before)
        if tally.peak_mib > MOST_MEMORY_MIB:
            tally.wrongs.append(f"{tally.peak_mib:.0f} MiB of memory were taken")
        return tally

    def _judged(self, case: Case) -> tuple[Answer, str | None]:
        answer = exchange(self.server.port, case)
        return answer, self._wrong(case, answer)

    def _wrong(self, case: Case, answer: Answer) -> str | None:
        if answer.seconds > PATIENCE_SECONDS:
            return f"no answer in {PATIENCE_SECONDS:.0f} s"
        if answer.status not in case.statuses:
            return f"answered {answer.status} {answer.body[:300]!r}"
        if answer.status not in self._documented[case.route] | _OF_NO_ROUTE:
            return f"{answer.status} is not documented for {case.route}"
        if answer.status in (SILENCE, 200):
            return None
        if answer.content_type != "application/problem+json":
            return f"{answer.status} is {answer.content_type}"
        problem: dict[str, Any] = json.loads(answer.body)
        complete = {"type", "title", "status", "detail"} <= problem.keys()
        return None if complete and problem["status"] == answer.status else f"{problem}"


def exchange(port: int, case: Case) -> Answer:
    """Send a case, to the end or until the service has had enough, and read what it answers."""
    request = case.request()
    received = bytearray()
    sent = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS) as connection:
        with suppress(OSError):  # what is closed already cannot be shut down
            sent = _send(connection, request, case.seconds_a_byte)
            if case.hangs_up:
                connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionError, TimeoutError):
            while data := connection.recv(_PIECE):
                received += data
    return _parsed(bytes(received), time.monotonic() - sent)


def _send(connection: socket.socket, request: bytes, seconds_a_byte: float) -> float:
    """Returns when it had sent what was wanted."""
    pieces = [request[at : at + _PIECE] for at in range(0, len(request), _PIECE)]
    if seconds_a_byte:
        head, separator, body = request.partition(b"\r\n\r\n")
        pieces = [head + separator, *(body[at : at + 1] for at in range(len(body)))]
    for piece in pieces:
        # An answer before the end may be lost if we go on sending.
        if select.select([connection], [], [], seconds_a_byte)[0]:
            break
        connection.sendall(piece)
    return time.monotonic()


def _parsed(received: bytes, seconds: float) -> Answer:
    head, _, body = received.partition(b"\r\n\r\n")
    line, *lines = head.decode("latin-1").split("\r\n")
    fields = dict(each.lower().split(": ", 1) for each in lines)
    status = int(line.split()[1]) if line else SILENCE
    length = int(fields.get("content-length", len(body)))
    return Answer(status, fields.get("content-type", ""), body[:length], seconds)


def _memory_mib(pid: int, field: str) -> float:
    return processes.status(pid, field) / 2**20


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")
