"""How many CPU cores this process may use."""

import os
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
