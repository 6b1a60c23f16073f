"""Memory in use on the GPU, by NVIDIA's management library (NVML)."""

import importlib
import logging
import math
import os
from collections.abc import Callable

log = logging.getLogger(__name__)


def reader() -> Callable[[], float] | None:
    """A function that reads the bytes in use on the GPU; None, with a warning, without NVML.

    The GPU is the one that CUDA calls device 0. Among GPUs of several kinds that takes
    CUDA_DEVICE_ORDER=PCI_BUS_ID, which is NVML's order; CUDA's own puts the fastest first.
    """
    try:
        nvml = importlib.import_module("pynvml")  # comes with the extra 'gpu' alone
    except ImportError as error:
        log.warning("no metrics of the GPU's memory: %s", error)
        return None
    # NVML knows all GPUs, whatever this variable hides from CUDA.
    device, *_ = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")
    try:
        nvml.nvmlInit()
        if device.isdecimal():
            gpu = nvml.nvmlDeviceGetHandleByIndex(int(device))
        else:
            gpu = nvml.nvmlDeviceGetHandleByUUID(device)
    except nvml.NVMLError as error:
        log.warning("no metrics of the GPU's memory: %s", error)
        return None

    def used() -> float:
        try:
            return float(nvml.nvmlDeviceGetMemoryInfo(gpu).used)
        except nvml.NVMLError:  # a driver that has gone takes no other metric with it
            return math.nan

    return used
