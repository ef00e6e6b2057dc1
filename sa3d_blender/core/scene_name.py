"""What to call the scene of a checkpoint: trainers give many files the same name."""

from __future__ import annotations

import re
from pathlib import Path

_SAME_FOR_ALL = re.compile(
    r"config|ckpt|base|snapshot|model|(coarse|fine)(_last)?"  # Plenoxels, Instant-NGP, DirectVoxGO
    r"|\d+|step-\d+"  # nerf-pytorch, nerfstudio
    r"|point_cloud(\.compressed)?|iteration_\d+|splat|splatfacto"  # 3D Gaussian Splatting
    r"|nerfstudio_models|nerfacto|\d{4}-\d\d-\d\d_\d+",  # EXPERIMENT/nerfacto/TIME/config.yml
    re.IGNORECASE,
)


def scene_name(checkpoint: Path) -> str:
    """The file's name without its ending, or the nearest folder's that tells scenes apart.

    >>> scene_name(Path("runs/fern/fern.th"))
    'fern'
    >>> scene_name(Path("outputs/fern/nerfacto/2026-11-23_101500/config.yml"))
    'fern'
    >>> scene_name(Path("config.yml"))
    'config'
    """
    stem = checkpoint.stem
    folders = [folder.name for folder in checkpoint.parents if folder.name]
    names = (name for name in (stem, *folders) if not _SAME_FOR_ALL.fullmatch(name))
    return next(names, stem)
