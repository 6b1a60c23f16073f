"""CPU cores: how many this process may use, whether they have VNNI, and thread priorities."""

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


def has_vnni() -> bool:
    """Whether the cores have VNNI, x86's dot products of bytes in 32 bits, as far as Linux tells.

    Without it, products are summed in pairs of 16 bits, which saturate, or integers are slower than
    floats.
    """
    try:
        words = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return False
    return not words.isdisjoint({"avx512_vnni", "avx_vnni"})


def lower_thread_priority() -> None:
    """Give the calling thread a lower priority than others of this process, as the event loop's.

    Those need little time, and clients wait for it. Threads that this one starts inherit it.
    """
    if sys.platform == "linux":  # elsewhere this would be the whole process
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
