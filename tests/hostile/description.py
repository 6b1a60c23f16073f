"""The OpenAPI description, held against the service by schemathesis."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.support.checkout import ROOT

_CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@dataclass(frozen=True)
class Conformance:
    statuses: Counter[int]
    """Of the answers to all requests."""
    slowest: float
    failures: str
    """What did not conform, as schemathesis tells it; empty if all did."""


def conformance(url: str, examples: int) -> Conformance:
    """Try so many examples of each operation, and the edges that schemathesis derives besides."""
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder) / "events.ndjson"
        run = subprocess.run(
            [
                *(sys.executable, "-m", "schemathesis.cli"),
                *("--config-file", _CONFIGURATION, "run", f"{url}/openapi.json"),
                *("--max-examples", str(examples), "--seed", "1", "--continue-on-failure"),
                *("--no-color", "--report", "ndjson", "--report-ndjson-path", events),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        lines = events.read_text().splitlines() if events.exists() else []
    answers = [
        interaction["response"]
        for line in lines
        for event in json.loads(line).values()
        for interaction in event.get("recorder", {}).get("interactions", {}).values()
        if interaction["response"] is not None
    ]
    return Conformance(
        Counter(answer["status_code"] for answer in answers),
        max((answer["elapsed"] for answer in answers), default=0.0),
        "" if run.returncode == 0 else run.stdout + run.stderr,
    )
