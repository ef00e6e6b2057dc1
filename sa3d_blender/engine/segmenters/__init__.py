"""Segment Anything models of all sizes behind one protocol."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import torch

from ...core.segmenters import segmenter_spec
from .protocol import Segmenter


def load_segmenter(name: str, *, weights: Path | None = None, device: torch.device) -> Segmenter:
    """A segmenter by its name in `core.segmenters`, by the ``load`` of its module.

    Args:
        weights: file of its weights; not needed by one that comes with the add-on.

    Raises:
        UserError: there is no such segmenter, or the weights are missing or do not fit.
    """
    module = import_module(f".{segmenter_spec(name).module}", __package__)
    loaded: Segmenter = module.load(name, weights, device)
    return loaded
