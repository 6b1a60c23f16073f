"""One replica: ``python -m service`` in a process of its own, which faults are done to."""

import os
import random
import re
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx

from tests.chaos.waiting import until
from tests.conftest import ROOT

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


class Replica:
    """Starts at once; what it logs goes to ``log``."""

    def __init__(self, model_store: Path, log: Path) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._model_store = model_store
        self._log = log
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        options = {
            "port": self.port,
            "model-store": self._model_store,
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

    def queued(self) -> int:
        """Images that wait for its device."""
        exposition = httpx.get(f"http://{self.address}/metrics").text
        (images,) = re.findall(r"^perceptual_queue_images (\S+)$", exposition, re.M)
        return int(float(images))

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

    def freeze(self) -> None:
        """It takes connections from here on, as the kernel does that, and answers nothing."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)
