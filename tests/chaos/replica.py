"""One replica: ``python -m service`` in a process of its own, which faults are done to."""

import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from tests.chaos.store import NAME
from tests.chaos.waiting import until
from tests.support.checkout import ROOT

_EPHEMERAL = 32768
"""From here on the kernel takes ports for outgoing connections, as Linux is usually set."""

DRAIN_SECONDS = 1
"""In place of 30, so that a drain too short for the queue does not take that long to test."""


def free_port() -> int:
    """A port that stays free while its server restarts: no outgoing connection will take it."""
    while True:
        port = random.randrange(20000, _EPHEMERAL)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def limited(pid: int, which: int, limit: int) -> Iterator[None]:
    """A running process under a limit of its own."""
    before = resource.prlimit(pid, which)
    resource.prlimit(pid, which, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, which, before)


class Replica:
    """Starts at once; what it logs goes to ``log``."""

    def __init__(self, model_store: Path, log: Path) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._model_store = model_store
        self._log = log
        self._process = self._start()

    def _start(self, model_store: Path | None = None) -> subprocess.Popen[bytes]:
        options = {
            "port": self.port,
            "model-store": model_store or self._model_store,
            "execution-provider": "cpu",
            "threads": 1,
            "codec-threads": 1,
            "drain-seconds": DRAIN_SECONDS,
        }
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "service", *(f"--{k}={v}" for k, v in options.items())],
                cwd=ROOT,
                stderr=log,
            )

    def until_ready(self) -> None:
        until(self._ready, failed=lambda: self._process.poll() is not None, log=self._log)

    def _ready(self) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"http://{self.address}/readyz").status_code == 200
        return False

    def metric(self, pattern: str) -> float:
        """The sum of the samples whose names, with their labels, match; 0 if there are none."""
        exposition = httpx.get(f"http://{self.address}/metrics").text
        return sum(map(float, re.findall(rf"^{pattern} (\S+)$", exposition, re.M)))

    def version(self) -> int:
        """Of the model that it serves."""
        version: int = httpx.get(f"http://{self.address}/models/{NAME}").json()["version"]
        return version

    def kill(self) -> None:
        """As a crash or the kernel's out-of-memory killer does."""
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        """As every orchestrator does. Returns when the replica has finished what it had to."""
        self._process.terminate()
        assert self._process.wait(60) == -signal.SIGTERM, self._log.read_text()

    def start_again(self) -> None:
        self._process = self._start()
        self.until_ready()

    def fail_to_start(self, model_store: Path) -> None:
        """Starts with a store that cannot be served; returns when it has ended, never ready."""
        self._process = self._start(model_store)
        until(lambda: self._ready() or self._process.poll() is not None)
        assert self._process.poll() == 2, self._log.read_text()

    def reload(self) -> None:
        """It reads its store again."""
        os.kill(self._process.pid, signal.SIGHUP)

    @contextmanager
    def short_of_memory(self, left: int) -> Iterator[None]:
        """It can get no more than so many bytes beyond what it has."""
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[0])
        with limited(self._process.pid, resource.RLIMIT_AS, pages * resource.getpagesize() + left):
            yield

    @contextmanager
    def unable_to_write(self) -> Iterator[None]:
        """Its log is on a disk that is full."""
        with limited(self._process.pid, resource.RLIMIT_FSIZE, 0):
            yield

    def freeze(self) -> None:
        """It takes connections from here on, as the kernel does that, and answers nothing."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
