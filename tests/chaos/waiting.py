"""Waiting for what another process does."""

import time
from collections.abc import Callable
from pathlib import Path

_POLL_SECONDS = 0.02
PATIENCE_SECONDS = 300.0
"""After which something is stuck, on however slow a machine."""


def until(
    condition: Callable[[], bool],
    failed: Callable[[], bool] = lambda: False,
    log: Path | None = None,
) -> None:
    """Raises AssertionError, with the log, when it failed or took too long."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if failed() or time.monotonic() > patience:
            raise AssertionError(log.read_text() if log is not None else "waited in vain")
        time.sleep(_POLL_SECONDS)
