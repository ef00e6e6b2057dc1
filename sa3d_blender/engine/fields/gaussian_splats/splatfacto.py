"""Nerfstudio's splatfacto: the Gaussians in a checkpoint of its trainer.

Chosen as a checkpoint, as the run's ``config.yml`` or as its folder. The field frame is the
training's own; `nerfstudio_files.dataset_transform` leads there from the data set's.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..files.checkpoint_file import Checkpoint, bad_weights, checked_weight, read_checkpoint
from ..files.chosen_file import ChosenFile
from ..files.nerfstudio_files import CHECKPOINTS, CONFIG, of_run
from .gaussians import DEGREES, Gaussians
from .ply_file import BAND_ZERO

MAX_BYTES = 1_000_000
METHOD = re.compile(r"^method_name: splatfacto", re.MULTILINE)
ANTIALIASED = re.compile(r"^\s*rasterize_mode: antialiased", re.MULTILINE)
PREFIX = re.compile(r"^(_model\.)(module\.)?(gauss_params\.)?")
"""Of the names of a checkpoint's Gaussians; the last part came with nerfstudio 1.1."""

SHAPES = {"means": 3, "scales": 3, "quats": 4, "features_dc": 3, "opacities": 1}
"""Numbers of a Gaussian by name, in the original's forms; ``features_rest`` has the harmonics."""


def splatfacto_checkpoint(chosen: ChosenFile) -> Checkpoint | None:
    """The checkpoint with Gaussians that was chosen, or is the newest of its run.

    Raises:
        UserError: see `read_checkpoint`.
    """
    path = chosen.path
    config = path / CONFIG if path.is_dir() else path
    if path.is_dir() or METHOD.search(chosen.text):
        if not METHOD.search(_text(config)):
            return None
        # their names have the step with leading zeros
        found = sorted((config.parent / CHECKPOINTS).glob("step-*.ckpt"))
        checkpoint = read_checkpoint(found[-1]) if found else None
    else:
        checkpoint = chosen.torch_checkpoint
    whole = checkpoint is not None and _weights(checkpoint).keys() >= SHAPES.keys()
    return checkpoint if whole else None


def read_splatfacto(checkpoint: Checkpoint) -> Gaussians:
    """The Gaussians of a checkpoint. Raises UserError (``bad_weights``)."""
    weights, path = _weights(checkpoint), checkpoint.path
    means = weights.get("means")
    count = len(means) if isinstance(means, Tensor) and means.dim() == 2 else 0
    found = {
        name: checked_weight(weights, name, (count, width), path=path).float()
        for name, width in SHAPES.items()
    }
    rest = weights.get("features_rest")
    more = rest.shape[1] if isinstance(rest, Tensor) and rest.dim() == 3 else -1
    if 1 + more not in DEGREES:
        raise bad_weights(path, "its harmonics have an unknown number")
    flat = found["features_dc"][:, None]
    if more == 0:  # then it is a colour before the sigmoid
        flat = (flat.sigmoid() - 0.5) / BAND_ZERO
        harmonics = flat
    else:
        others = checked_weight(weights, "features_rest", (count, more, 3), path=path)
        harmonics = torch.cat([flat, others.float()], dim=1)
    return Gaussians(
        found["means"],
        found["scales"],
        found["quats"],
        found["opacities"][:, 0],
        harmonics,
        bool(ANTIALIASED.search(_text(of_run(path, CONFIG)))),
    )


def _weights(checkpoint: Checkpoint) -> dict[str, Any]:
    data = checkpoint.data
    pipeline = data.get("pipeline") if isinstance(data, dict) else None
    if not isinstance(pipeline, dict):
        return {}
    return {PREFIX.sub("", str(name)): value for name, value in pipeline.items()}


def _text(path: Path | None) -> str:
    """Of a small file; empty where there is none."""
    try:
        if path is None:
            return ""
        with path.open("rb") as file:
            return file.read(MAX_BYTES).decode("utf-8", errors="ignore")
    except OSError:
        return ""
