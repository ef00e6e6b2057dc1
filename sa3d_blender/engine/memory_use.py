"""How much memory the engine takes, and giving it back."""

from __future__ import annotations

import gc

import psutil
import torch


def memory_use(device: torch.device) -> dict[str, int]:
    """Bytes of this process, and of the graphics card where one is used.

    Returns:
        ``process``, ``device`` (what torch holds) and ``device_total``.
    """
    found = {"process": int(psutil.Process().memory_info().rss)}
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
