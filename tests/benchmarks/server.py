"""``python -m service`` in a process of its own, to measure."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.support.checkout import ROOT


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[bytes]
    client: httpx.Client


@contextmanager
def running(*options: str) -> Iterator[Server]:
    """A server on the CPU that is ready, and stops when the context closes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "service", "--port", port, "--log-level", "error", *options],
        cwd=ROOT,
        env={**os.environ, "PERCEPTUAL_EXECUTION_PROVIDER": "cpu"},
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=None) as client:
            _wait_until_ready(client)
            yield Server(process, client)
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(client: httpx.Client) -> None:
    for _ in range(600):
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise SystemExit("the service did not become ready")
