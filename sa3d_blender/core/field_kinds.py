"""Every kind of radiance field there is: the one list that all others are made from.

The engine's opener, Blender's file browser and the sentences that name them read it. Adding a kind
is one entry here and one folder in ``engine/fields``; CONTRIBUTING.md has the steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FieldKind:
    """What is known of a kind of checkpoint without opening one."""

    name: str
    """Name of its folder in ``engine/fields``, and its fields' ``family``."""
    title: str
    """Name as its authors write it."""
    endings: tuple[str, ...]
    """Endings of its files' names, for file browsers; what a file is, its content says. None that
    Blender itself opens or imports, so that dropping those means what it always did."""
    blenders_endings: tuple[str, ...] = ()
    """Further ones that Blender imports, too: when one is dropped, it asks which is meant."""
    brings_cameras: bool = False
    """Whether its files hold the cameras of their training, or tell where these are."""
    run_files: tuple[str, ...] = ()
    """Names of which a training's folder holds one, where the folder can be chosen as a whole."""
    own_options: tuple[str, ...] = ()
    """Those of `FieldOptions` that say something of files of this kind only."""


FIELD_KINDS: dict[str, FieldKind] = {
    kind.name: kind
    for kind in (
        FieldKind(
            "gaussian_splats",
            "3D Gaussian Splatting",
            (".splat", ".spz"),
            blenders_endings=(".ply",),
            brings_cameras=True,
            run_files=("point_cloud", "cfg_args"),
        ),
        FieldKind("tensorf", "TensoRF", (".th", ".pth", ".pt")),
        FieldKind("dvgo", "DirectVoxGO", (".tar",), own_options=("voxels_per_step",)),
        FieldKind("nerf", "NeRF (nerf-pytorch)", (".tar",)),
        FieldKind(
            "nerfacto",
            "Nerfacto (nerfstudio)",
            (".ckpt", ".yml"),
            brings_cameras=True,
            run_files=("config.yml", "nerfstudio_models"),
        ),
        FieldKind("instant_ngp", "Instant-NGP", (".msgpack", ".ingp"), brings_cameras=True),
        FieldKind("plenoxels", "Plenoxels", (".npz",)),
    )
}
"""Asked in this order; the first that recognises a file opens it."""

DROPPED_EXTENSIONS = tuple(
    dict.fromkeys(ending for kind in FIELD_KINDS.values() for ending in kind.endings)
)
"""The endings of names that mean a checkpoint wherever they are."""

CHECKPOINT_EXTENSIONS = (
    *DROPPED_EXTENSIONS,
    *(ending for kind in FIELD_KINDS.values() for ending in kind.blenders_endings),
)
"""The endings of checkpoints' names."""

WITH_CAMERAS = tuple(
    ending
    for kind in FIELD_KINDS.values()
    if kind.brings_cameras
    for ending in (*kind.endings, *kind.blenders_endings)
)
"""Endings of the kinds that bring the cameras of their training."""


def brings_cameras(path: Path) -> bool:
    """Whether a path is one of a kind that brings cameras, told by its name or its folder's."""
    if path.is_dir():
        names = [name for kind in FIELD_KINDS.values() for name in kind.run_files]
        return any((path / name).exists() for name in names)
    return path.suffix.lower() in WITH_CAMERAS
