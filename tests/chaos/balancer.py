"""The real nginx with the configuration that is deployed, docker/nginx/nginx.conf."""

import getpass
import json
import os
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.benchmarks import processes
from tests.chaos.replica import free_port, limited
from tests.chaos.waiting import until
from tests.support.checkout import ROOT

CONFIGURATION = ROOT / "docker" / "nginx"

INSTALLED = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
"""The program, or None where there is none."""


@dataclass(frozen=True)
class Request:
    """One line of the balancer's log."""

    status: int
    request_id: str
    traceparent: str
    upstreams: Sequence[str]
    """Address of every replica that was tried, in order."""

    @property
    def retries(self) -> int:
        return max(0, len(self.upstreams) - 1)


class Balancer:
    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._log = log

    def requests(self) -> list[Request]:
        """All that were proxied, in the order in which they ended."""
        written = self._log.read_text().rpartition("\n")[0]  # what follows is being written
        lines = map(json.loads, written.splitlines())
        return [
            Request(
                line["status"],
                line["request_id"],
                line["traceparent"],
                line["upstream"].split(", "),
            )
            for line in lines
            if line["upstream"]
        ]

    @contextmanager
    def unable_to_write(self) -> Iterator[None]:
        """Its disk is full: neither its log nor an upload that does not fit into memory fits."""
        with ExitStack() as stack:
            for pid in processes.tree(self.process.pid):
                stack.enter_context(limited(pid, resource.RLIMIT_FSIZE, 0))
            yield

    def logged(self, count: int) -> list[Request]:
        """The same, once there are so many: a line follows its answer."""
        until(lambda: len(self.requests()) >= count)
        return self.requests()


@contextmanager
def running(
    folder: Path, replicas: Sequence[str], read_timeout: str | None = None
) -> Iterator[Balancer]:
    """nginx in front of these addresses. All of its files but those of the place are the deployed.

    ``read_timeout`` is how long a replica may be silent, if not as long as the deployed one.
    """
    assert INSTALLED is not None
    port = free_port()
    folder.mkdir(exist_ok=True)
    (folder / "nginx.conf").symlink_to(CONFIGURATION / "nginx.conf")
    (folder / "listen.conf").write_text(f"listen 127.0.0.1:{port};\n")
    deployed = (CONFIGURATION / "replicas.conf").read_text()
    servers = [
        f"server {address} {parameters}\n"
        for parameters in re.findall(r"^server service:8000 resolve (.*;)", deployed, re.M)
        for address in replicas
    ]
    assert servers
    (folder / "replicas.conf").write_text("".join(servers))
    timeouts = (CONFIGURATION / "timeouts.conf").read_text()
    if read_timeout is not None:
        timeouts = timeouts.replace("proxy_read_timeout 300s", f"proxy_read_timeout {read_timeout}")
        assert read_timeout in timeouts
    (folder / "timeouts.conf").write_text(timeouts)
    log, errors = folder / "access.log", folder / "error.log"
    # Workers run as the master does, or they could not enter a folder that is private to it.
    user = f" user {getpass.getuser()};" if os.geteuid() == 0 else ""
    with log.open("ab") as stdout, errors.open("ab") as stderr:
        process = subprocess.Popen(
            [INSTALLED, "-p", folder, "-c", folder / "nginx.conf", "-g", f"daemon off;{user}"],
            stdout=stdout,
            stderr=stderr,
            restore_signals=False,  # SIGXFSZ stays ignored: beyond its limit a write just fails
        )
    try:
        balancer = Balancer(process, port, log)
        until(lambda: _answers(balancer), failed=lambda: process.poll() is not None, log=errors)
        yield balancer
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _answers(balancer: Balancer) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{balancer.url}/balancer/livez").status_code == 200
    return False
