"""The service as a process of its own, on a free port."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.support.checkout import ROOT


class Server:
    """``python -m service`` on a free port."""

    def __init__(self, *options: str, environment: dict[str, str] | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "service", "--port", str(self.port), *options],
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        self.log.extend(iter(self.process.stderr.readline, ""))

    def _read_until_end(self) -> None:
        self.process.wait(120)
        self._reader.join(120)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def until_ready(self) -> None:
        self.until(lambda: httpx.get(f"{self.url}/readyz").status_code == 200)

    def until(self, condition: object) -> None:
        assert callable(condition)
        for _ in range(600):
            try:
                if condition():
                    return
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, "".join(self.log)
            time.sleep(0.05)
        raise AssertionError("".join(self.log))

    def until_logged(self, pattern: str) -> re.Match[str]:
        """The log comes through a pipe: an answer, or the end of a connection, may overtake it."""
        self.until(lambda: re.search(pattern, "".join(self.log)))
        found = re.search(pattern, "".join(self.log))
        assert found
        return found

    def metric(self, pattern: str) -> float:
        found = re.search(rf"^{pattern} (\S+)$", httpx.get(f"{self.url}/metrics").text, re.M)
        return float(found[1]) if found else 0.0

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        self._read_until_end()
        return self.process.returncode


@contextmanager
def serving(*options: str) -> Iterator[Server]:
    """Ready; stopped afterwards."""
    server = Server(*options)
    try:
        server.until_ready()
        yield server
    finally:
        server.stop()


def run_to_end(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "service", *options],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
