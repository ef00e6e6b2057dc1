"""What the engine computes on."""

from __future__ import annotations

import torch

from ...core.errors import UserError


def choose_device(name: str) -> torch.device:
    """The torch device for ``auto``, ``cpu``, ``cuda`` or ``mps``.

    Raises:
        UserError: the device is not there.
    """
    found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next((device for device, there in found.items() if there), "cpu")
    if not found.get(name, name == "cpu"):
        raise UserError(f"This computer offers no {name!r} device to PyTorch; use --device cpu.")
    return torch.device(name)
