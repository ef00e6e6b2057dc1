"""Segment Anything models of all sizes behind one protocol."""

from __future__ import annotations

from pathlib import Path

import torch

from .protocol import Segmenter


def load_segmenter(name: str, *, weights: Path | None = None, device: torch.device) -> Segmenter:
    """A segmenter by name: ``bundled``, ``vit_b``, ``vit_l`` or ``vit_h``.

    Raises:
        UserError: the weights are missing or do not fit.
    """
    if name == "bundled":
        from .bundled import load_bundled

        return load_bundled(weights, device)
    from .sam import load_sam

    return load_sam(name, weights, device)
