"""Which CPU cores this process may use, and what they can do."""

import os
import sys
import threading
from pathlib import Path


def available_cores() -> int:
    """Cores left by the CPU affinity and by the container's CPU quota (cgroup v2), at least 1."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return cores
    if quota == "max":
        return cores
    return max(1, min(cores, int(quota) // int(period)))


def multiply_bytes() -> bool:
    """Whether the cores add products of bytes in 32 bits (x86's VNNI), as far as Linux tells.

    Others add two in 16 bits and cut what is too large; or they would be slower than in floats.
    """
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return False
    return not words.isdisjoint({"avx512_vnni", "avx_vnni"})


def give_way() -> None:
    """Let other threads of this process, such as the event loop's, go before the calling one.

    They ask for little, and clients wait for it. Threads that this one starts inherit it.
    """
    if sys.platform == "linux":  # elsewhere this would be the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
