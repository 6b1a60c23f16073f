"""The servers that are compared: ours, and what people would use instead, one model behind all."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
from PIL import Image

from service.cores import available_cores
from tests.benchmarks import environments, processes, sessions
from tests.benchmarks.markdown import progress
from tests.benchmarks.photographs import square
from tests.benchmarks.server import running
from tests.support.checkout import ROOT

MODEL = "wave"
_START_SECONDS = 120.0


@dataclass(frozen=True)
class Contender:
    """A server that answers a JPEG by POST with the transformed JPEG."""

    name: str
    url: str
    pid: int


def _module(python: Path, name: str, _: int) -> list[str | Path]:
    return [python, "-m", f"tests.benchmarks.peers.{name}.server"]


def _bentoml(python: Path, name: str, port: int) -> list[str | Path]:
    service = f"tests.benchmarks.peers.{name}.server:Gateway"
    return [python, "-m", "bentoml", "serve", service, "--host", "127.0.0.1", "--port", str(port)]


@dataclass(frozen=True)
class Peer:
    title: str
    path: str
    package: str
    """Of tests.benchmarks.peers."""
    command: Callable[[Path, str, int], Sequence[str | Path]] = _module
    environment: Mapping[str, str] = field(default_factory=dict)


PEERS: Mapping[str, Peer] = {
    "fastapi": Peer("FastAPI", "/stylize", "fastapi"),
    "fastapi-1": Peer(
        "FastAPI, 1 thread", "/stylize", "fastapi", environment={"PEER_NETWORK_THREADS": "1"}
    ),
    "litserve": Peer("LitServe", "/predict", "litserve"),
    "bentoml": Peer(
        "BentoML",
        "/stylize",
        "bentoml",
        _bentoml,
        {
            "BENTOML_HOME": str(ROOT / "build" / "bench" / "bentoml-home"),
            "BENTOML_DO_NOT_TRACK": "true",
            "BENTOML_CONFIG_OPTIONS": "api_server.logging.access.enabled=false",
        },
    ),
    "ray": Peer(
        "Ray Serve",
        "/stylize",
        "ray",
        # The first two are its documentation's high throughput mode.
        environment={
            "RAY_SERVE_ENABLE_HA_PROXY": "1",
            "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
            "RAY_USAGE_STATS_ENABLED": "0",
        },
    ),
}


@contextmanager
def started(peers: Sequence[str], model: str = MODEL) -> Iterator[list[Contender]]:
    """Ours and these peers, ready, all paused; see ``awake``."""
    # As for Ctrl-C: whoever ends a benchmark does not want its servers to stay, paused for ever.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as stack:
        contenders = [stack.enter_context(ours(model))]
        _paused(contenders[0])
        for name in peers:
            progress(f"starting {PEERS[name].title}")
            contenders.append(_paused(stack.enter_context(_peer(name, model))))
        yield contenders


@contextmanager
def awake(contender: Contender) -> Iterator[None]:
    """Let one run while all others are paused, so that their idle polling costs it nothing."""
    processes.resume(contender.pid)
    time.sleep(1)  # it has connections between its parts to find closed, and timers to catch up
    try:
        yield
    finally:
        processes.pause(contender.pid)


@contextmanager
def ours(model: str = MODEL, *options: str) -> Iterator[Contender]:
    with running(*options) as server:
        url = f"{str(server.client.base_url).rstrip('/')}/stylize/{model}"
        try:
            yield Contender("ours", url, server.process.pid)
        finally:
            processes.resume(server.process.pid)


def check_alike(contenders: Sequence[Contender]) -> None:
    """Raises SystemExit unless all answer the same photograph with the same picture."""
    answers: list[np.ndarray] = []
    for contender in contenders:
        with awake(contender):
            answers.append(_picture(_post(contender.url)))
        if answers[-1].shape != answers[0].shape:
            raise SystemExit(f"{contender.name} answers a picture of {answers[-1].shape}")
        difference = np.abs(answers[-1] - answers[0]).mean()
        if difference > 2:
            raise SystemExit(f"{contender.name} answers a picture {difference:.1f} levels off")


@contextmanager
def _peer(name: str, model: str) -> Iterator[Contender]:
    peer = PEERS[name]
    python = environments.python(peer.package)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = ROOT / "build" / "bench" / f"{name}.log"
    environment = {
        **os.environ,
        "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PEER_MODEL": str(sessions.served().get(model).file),
        "PEER_PORT": str(port),
        "PEER_THREADS": str(available_cores()),
        **peer.environment,
    }
    with log.open("wb") as opened:
        process = subprocess.Popen(
            peer.command(python, peer.package, port),
            cwd=ROOT,
            env=environment,
            stdout=opened,
            stderr=subprocess.STDOUT,
        )
    try:
        contender = Contender(peer.title, f"http://127.0.0.1:{port}{peer.path}", process.pid)
        _wait_until_ready(contender, process, log)
        yield contender
    finally:
        processes.end(process.pid)
        process.wait()


def _wait_until_ready(contender: Contender, process: subprocess.Popen[bytes], log: Path) -> None:
    patience = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < patience:
        try:
            _post(contender.url)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    sys.stderr.write(log.read_text(errors="replace")[-4000:])
    raise SystemExit(f"{contender.name} did not become ready; see {log}")


def _post(url: str) -> bytes:
    jpeg = {"Content-Type": "image/jpeg"}
    answer = httpx.post(url, content=square(256), headers=jpeg, timeout=_START_SECONDS)
    return answer.raise_for_status().content


def _picture(jpeg: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(jpeg))).astype(np.int16)


def _paused(contender: Contender) -> Contender:
    processes.pause(contender.pid)
    return contender
