"""How the process holds memory, which is where PyTorch's tensors on the CPU lie."""

import ctypes
import sys

# Of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def keep_freed_memory() -> None:
    """Keep what is freed for what comes next; nothing happens where there is no glibc.

    As it comes, glibc maps a block of more than 32 MiB anew each time and unmaps it when it is
    freed. Activations of large photographs are such blocks: clearing their pages takes the system
    a third of an iteration of optimisation at 1024 pixels.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)
        mallopt(_M_TOP_PAD, 256 << 20)
