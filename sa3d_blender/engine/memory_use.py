"""How much memory the engine takes, and giving it back."""

from __future__ import annotations

import gc
import os
import sys

import torch


def memory_use(device: torch.device) -> dict[str, int]:
    """Bytes of this process, and of the graphics card where one is used.

    Returns:
        ``process`` (where the system tells), ``device`` (what torch holds) and ``device_total``.
    """
    found = {}
    process = _process_bytes()
    if process:
        found["process"] = process
    if device.type == "cuda":
        found["device"] = int(torch.cuda.memory_reserved(device))
        found["device_total"] = int(torch.cuda.mem_get_info(device)[1])
    elif device.type == "mps":
        found["device"] = int(torch.mps.driver_allocated_memory())
    return found


def release_memory(device: torch.device) -> None:
    """Give back what nothing refers to any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def _process_bytes() -> int:
    """What the process holds now, or held at most; 0 where the system does not tell."""
    if sys.platform == "linux":
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    if sys.platform == "darwin":
        import resource

        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return 0
