"""What lies beside a splat's file, and the scene that follows: its box, end and background."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....core.cameras import Camera
from ....core.errors import UserError
from ....core.settings import FieldOptions
from ...training_cameras import TrainingCameras
from ..files.checkpoint_file import Checkpoint
from ..spaces.contraction import ContractedSpace
from ..spaces.stepped_rays import BoxSpace
from .gaussians import Gaussians
from .splat_files import SplatFile

CAMERAS, SETTINGS = "cameras.json", "cfg_args"
ABOVE = 3
"""Folders from the file upwards in which these may be: the original has them two above."""
MAX_BYTES = 1 << 28
WHITE = re.compile(r"white_background\s*=\s*(True|False)")
VISIBLE = 0.1
"""Opacity from which a Gaussian says where the scene is."""
MIDDLE = 0.7
"""Part of the visible Gaussians that are in a scene's middle."""
ENDED = 4.0
"""A scene has an end where nothing visible is farther from its middle than this times the middle's
half side."""
FEWEST_CAMERAS = 3
"""From which on the training's cameras say what the middle of a scene without an end is."""
STRAYS = 0.001
"""Part of the Gaussians on each side that may be anywhere."""
ROOM = 1.02
NEAR, NEAR_SHARE = 0.2, 0.05
"""Depth up to which Gaussians are left out: the original's, or this part of half the box where that
is less, as in scenes that were scaled down."""


@dataclass(frozen=True)
class SplatScene:
    """How a splat is looked at."""

    kind: str
    """``bounded`` or ``unbounded``."""
    space: BoxSpace | ContractedSpace
    background: float
    """Grey level, 0 or 1."""
    near: float
    notes: tuple[str, ...]

    def to(self, device: torch.device) -> SplatScene:
        """The same on a device."""
        box = self.space.box.to(device)
        return replace(self, space=_space(self.kind, box))


def choose_scene(
    gaussians: Gaussians, file: SplatFile, options: FieldOptions, notes: list[str]
) -> SplatScene:
    """The scene of a file's Gaussians."""
    kind, box = _extent(gaussians, options.scene == "bounded", _known_cameras(file.path))
    background: str = options.background
    if background == "auto":
        background, why = _background(file.path)
        notes = [*notes, *why]
    near = min(NEAR, NEAR_SHARE * float((box[1] - box[0]).max()) / 2)
    white = 1.0 if background == "white" else 0.0
    return SplatScene(kind, _space(kind, box), white, near, tuple(notes))


def training_cameras(checkpoint: Checkpoint) -> TrainingCameras:
    """The cameras of the training, which the original code left in ``cameras.json``.

    Raises:
        UserError: code ``no_cameras``.
    """
    path = _beside(checkpoint.path, CAMERAS)
    if path is None:
        raise UserError(
            f"There is no {CAMERAS} beside {checkpoint.path}; choose the data set's camera file.",
            code="no_cameras",
        )
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ValueError("too large")
        entries = json.loads(path.read_text(encoding="utf-8"))
        cameras = tuple(_camera(entry) for entry in entries)
        names = tuple(str(entry["img_name"]) for entry in entries)
        if not cameras:
            raise ValueError("no cameras")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"{path} does not hold the cameras of a splat's training ({error}); copy the training's"
            " folder again, or choose the data set's camera file.",
            code="no_cameras",
        ) from error
    return TrainingCameras("checkpoint", names, cameras)


def _known_cameras(path: Path) -> Sequence[Camera]:
    """None where there are none, or damaged ones."""
    with suppress(UserError):
        return training_cameras(Checkpoint(path, None)).cameras
    return ()


def side_files(path: Path) -> tuple[Path, ...]:
    """What loading a splat looks for beside it."""
    return tuple(place / name for place in _places(path) for name in (CAMERAS, SETTINGS))


def _camera(entry: Any) -> Camera:
    """Axes in the file: x right, y down, looking along +z, as the rotation's columns."""
    width, height = int(entry["width"]), int(entry["height"])
    matrix = np.eye(4)
    rotation = np.array(entry["rotation"], dtype=np.float64)
    matrix[:3, :3] = rotation * np.array([1.0, -1.0, -1.0])
    matrix[:3, 3] = np.array(entry["position"], dtype=np.float64)
    focal = float(entry["fx"]), float(entry["fy"])
    return Camera(width, height, *focal, width / 2, height / 2, matrix)


def _background(path: Path) -> tuple[str, list[str]]:
    settings = _beside(path, SETTINGS)
    if settings is not None:
        with suppress(OSError):
            with settings.open("rb") as opened:
                found = WHITE.search(opened.read(1 << 16).decode("utf-8", errors="ignore"))
            if found:
                return ("white" if found[1] == "True" else "black"), []
    return "black", ["Background black: the usual one of splats."]


def _extent(
    gaussians: Gaussians, bounded: bool, cameras: Sequence[Camera]
) -> tuple[str, Float[Tensor, "2 3"]]:
    """Kind of scene, and its box: around all, or around the middle of what has no end."""
    visible = gaussians.opacities() >= VISIBLE
    means = (gaussians.means[visible] if visible.any() else gaussians.means).double()
    ordered = means.sort(dim=0).values
    center = ordered[len(ordered) // 2]
    away = (means - center).abs().amax(dim=1).sort().values
    half = float(away[int(MIDDLE * (len(away) - 1))])
    stray = int(STRAYS * (len(ordered) - 1))
    most = torch.stack([ordered[stray], ordered[len(ordered) - 1 - stray]])
    if bounded or float((most - center).abs().max()) <= ENDED * max(half, 1e-9):
        sides = most[1] - most[0]
        room = (ROOM - 1) * sides + 3 * float(gaussians.log_scales.exp().median())
        room = room.clamp_min(1e-3 * float(sides.max()) + 1e-6)
        return "bounded", torch.stack([most[0] - room, most[1] + room]).float()
    if len(cameras) >= FEWEST_CAMERAS:
        center, half = _looked_at(cameras)
    return "unbounded", torch.stack([center - half, center + half]).float()


def _looked_at(cameras: Sequence[Camera]) -> tuple[Float[Tensor, " 3"], float]:
    """The point that cameras look at, closest to all optical axes, and the farthest one's distance.

    Their own middle, where they look past each other.
    """
    ways = np.stack([camera.forward for camera in cameras])
    places = np.stack([camera.origin for camera in cameras])
    across = np.eye(3) - ways[:, :, None] * ways[:, None, :]
    middle = places.mean(axis=0)
    spread = float(np.linalg.norm(places - middle, axis=1).max())
    center = np.linalg.lstsq(across.sum(axis=0), (across @ places[:, :, None]).sum(axis=0), 1e-3)[0]
    center = center[:, 0]
    if np.linalg.norm(center - middle) > 2 * spread:
        center = middle
    half = float(np.linalg.norm(places - center, axis=1).max())
    return torch.from_numpy(center), max(half, 1e-6)


def _space(kind: str, box: Float[Tensor, "2 3"]) -> BoxSpace | ContractedSpace:
    if kind == "bounded":
        return BoxSpace(box, near=0.0, step=1.0, distance_scale=1.0)
    radius = float((box[1] - box[0]).max()) / 2
    return ContractedSpace(
        norm="inf", center=box.mean(dim=0), radius=radius, margin=1.0, step=1.0, interval=1.0
    )


def _places(path: Path) -> list[Path]:
    places = list(path.parents[:ABOVE])
    return [path, *places] if path.is_dir() else places


def _beside(path: Path, name: str) -> Path | None:
    return next((place / name for place in _places(path) if (place / name).is_file()), None)
