"""A server's processes, however many they are: pause them, end them, weigh them (Linux)."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

_END_SECONDS = 5.0

Sample = TypeVar("Sample")


def tree(root: int) -> list[int]:
    """The process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):  # it has ended meanwhile
                # The name, in parentheses, may hold spaces; after it: state, parent.
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [root]
    for pid in found:  # grows as it goes
        found += children.get(pid, [])
    return found


def pause(root: int) -> None:
    """Servers that wait for work still poll, check their health and log."""
    _send(tree(root), signal.SIGSTOP)


def resume(root: int) -> None:
    _send(tree(root), signal.SIGCONT)


def end(root: int) -> None:
    """Ask the process to end, and end what is left of its tree then. ``root`` is to be reaped."""
    pids = tree(root)
    _send(pids, signal.SIGCONT)
    _send([root], signal.SIGTERM)
    patience = time.monotonic() + _END_SECONDS
    while any(_runs(pid) for pid in pids) and time.monotonic() < patience:
        time.sleep(0.1)
    _send(pids, signal.SIGKILL)


def resident_bytes(root: int) -> int:
    """Memory of the tree; pages that its processes share count once each (PSS)."""
    total = 0
    for pid in tree(root):
        with suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.findall(r"^Pss:\s+(\d+) kB$", rollup, re.M)[0]) * 1024
    return total


def status(pid: int, field: str) -> int:
    """A number of /proc/PID/status, such as VmHWM or Threads; memory in bytes."""
    text = Path(f"/proc/{pid}/status").read_text()
    number, unit = re.findall(rf"^{field}:\s+(\d+)( kB)?$", text, re.M)[0]
    return int(number) * (1024 if unit else 1)


@contextmanager
def sampled(look: Callable[[], Sample], every: float) -> Iterator[list[Sample]]:
    """What ``look`` sees, now and every so many seconds while the context is open."""
    samples = [look()]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(every):
            samples.append(look())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def processor_seconds(root: int) -> float:
    """Processor time that the tree has taken so far."""
    ticks = 0
    for pid in tree(root):
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _send(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
