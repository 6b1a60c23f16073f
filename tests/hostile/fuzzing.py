"""Fuzzers of what reads bytes, each in a process of its own, for a while."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.hostile.targets import TARGETS
from tests.support.checkout import ROOT

COVERAGE_AVAILABLE = importlib.util.find_spec("atheris") is not None
_MOST_MEMORY_MIB = 2048
_MOST_SECONDS_AN_INPUT = 20


@dataclass(frozen=True)
class Fuzzed:
    statuses: Counter[int]
    """Of the inputs, to the second before the end."""
    slowest: float
    failure: str
    """What was found, with the input; empty if nothing was."""


def mutated(target: str, seconds: int) -> Fuzzed:
    """Random changes to seeds."""
    run = _python("tests.hostile.mutation", target, str(seconds))
    failed = run.returncode != 0
    return _fuzzed("{}" if failed else run.stdout, run.stderr[-4000:] if failed else "")


def covered(target: str, seconds: int) -> Fuzzed:
    """Changes that reach code which none reached before."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kept in ("seeds", "found"):
            (folder / kept).mkdir()
        for number, seed in enumerate(TARGETS[target].seeds()):
            (folder / "seeds" / str(number)).write_bytes(seed)
        report = folder / "report.json"
        run = _python(
            *("tests.hostile.coverage", target, str(report), str(folder / "seeds")),
            *(f"-max_total_time={seconds}", f"-rss_limit_mb={_MOST_MEMORY_MIB}"),
            *(f"-timeout={_MOST_SECONDS_AN_INPUT}", f"-artifact_prefix={folder / 'found'}/"),
            *("-max_len=100000", "-seed=1"),
        )
        found = "".join(f"\n{file.read_bytes().hex()}" for file in (folder / "found").iterdir())
        failure = f"{run.stderr[-4000:]}{found}" if run.returncode else ""
        return _fuzzed(report.read_text() if report.exists() else "{}", failure)


def _python(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command: Sequence[str] = (sys.executable, "-m", module, *arguments)
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")


def _fuzzed(report: str, failure: str) -> Fuzzed:
    told = json.loads(report)
    statuses = Counter({int(status): n for status, n in told.get("statuses", {}).items()})
    return Fuzzed(statuses, told.get("slowest", 0.0), failure)
