"""What a snapshot says about its scene: the box, the way to the data set, what is behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....core.cameras import Camera
from ....core.errors import UserError
from ....core.settings import FieldOptions
from ...training_cameras import TrainingCameras
from ..files.checkpoint_file import Checkpoint, bad_weights
from ..files.checkpoint_numbers import Numbers
from .space import CONE

DEFAULT_SCALE, DEFAULT_OFFSET = 0.33, [0.5, 0.5, 0.5]
"""What Instant-NGP does to NeRF-synthetic scenes."""
MAX_BOX = 128
MAX_CAMERAS = 100_000


@dataclass(frozen=True)
class NgpScene:
    """The scene's numbers.

    Positions ``p`` of the data set are at ``p * scale + offset`` along Instant-NGP's axes.
    """

    box: tuple[list[float], list[float]]
    """Smallest and largest corner by Instant-NGP's axes and in its units."""
    aabb_scale: float
    """Side of the box the training asked for."""
    scale: float
    offset: list[float]
    cycled: bool
    """Whether Instant-NGP's x, y, z are the data set's y, z, x."""
    hdr: bool
    exposure: float
    background: list[float]
    """Red, green and blue."""
    notes: tuple[str, ...]

    @property
    def cone(self) -> float:
        """Growth of the steps with the distance."""
        return CONE if self.aabb_scale > 1 else 0.0

    def field_from_ngp(self, points: np.ndarray) -> np.ndarray:
        """The data set's coordinates of positions [n 3]."""
        moved = points[:, [2, 0, 1]] if self.cycled else points
        return (moved - np.array(self.offset)) / self.scale

    def field_box(self) -> np.ndarray:
        """Smallest and largest corner [2 3], field frame."""
        return self.field_from_ngp(np.array(self.box))


def read_scene(checkpoint: Checkpoint, options: FieldOptions) -> NgpScene:
    """The scene of a snapshot; Instant-NGP's defaults for what it does not say.

    Raises:
        UserError: code ``bad_weights``, a number that makes no sense.
    """
    path, snapshot = checkpoint.path, checkpoint.data["snapshot"]
    nerf = _table(snapshot, "nerf")
    dataset = _table(nerf, "dataset")
    notes = []
    if not dataset:
        notes.append(
            "The snapshot does not describe its pictures; they were taken to be placed like those "
            "of NeRF's synthetic scenes."
        )
    numbers = Numbers({"scale": DEFAULT_SCALE, "offset": DEFAULT_OFFSET, **dataset}, path)
    shared = Numbers({"exposure": 0.0, "aabb_scale": 1, **dataset, **nerf, **snapshot}, path)
    aabb_scale = shared.one("aabb_scale", low=1e-3, high=float(MAX_BOX))
    color = (
        shared.many("background_color", 4, low=0.0, high=1e3)
        if ("background_color" in snapshot)
        else [0.0] * 4
    )
    background = [min(1.0, part * color[3]) for part in color[:3]]
    if options.background != "auto":
        background = [1.0 if options.background == "white" else 0.0] * 3
    return NgpScene(
        box=_box(snapshot, aabb_scale, path),
        aabb_scale=aabb_scale,
        scale=numbers.one("scale", low=1e-9, high=1e9),
        offset=numbers.many("offset", 3),
        cycled=not dataset.get("from_mitsuba"),
        hdr=bool(dataset.get("is_hdr")),
        exposure=shared.one("exposure", low=-30.0, high=30.0),
        background=background,
        notes=tuple(notes),
    )


def _box(
    snapshot: dict[str, Any], aabb_scale: float, path: Path
) -> tuple[list[float], list[float]]:
    given = _table(snapshot, "aabb")
    if not given:
        half = aabb_scale / 2
        return [0.5 - half] * 3, [0.5 + half] * 3
    corners = Numbers(given, path)
    lower, upper = (corners.many(end, 3, low=-1e3, high=1e3) for end in ("min", "max"))
    if not all(low < high for low, high in zip(lower, upper, strict=True)):
        raise bad_weights(path, "its scene box is empty")
    return lower, upper


def training_cameras(checkpoint: Checkpoint) -> TrainingCameras:
    """The cameras inside a snapshot, in the field frame.

    Raises:
        UserError: code ``no_cameras``; there are none, or they make no sense.
    """
    scene = read_scene(checkpoint, FieldOptions())
    dataset = _table(_table(checkpoint.data["snapshot"], "nerf"), "dataset")
    try:
        metadata, transforms = dataset["metadata"], dataset["xforms"]
        if not 0 < len(metadata) == len(transforms) <= MAX_CAMERAS:
            raise ValueError("not as many lenses as cameras")
        cameras = tuple(
            _camera(scene, lens, placed["start"])
            for lens, placed in zip(metadata, transforms, strict=True)
        )
        paths = dataset.get("paths") or [""] * len(cameras)
        names = tuple(str(name) or f"{i:03d}" for i, name in enumerate(paths))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise UserError(
            f"{checkpoint.path} holds no cameras of its training ({error}); choose a "
            "transforms.json instead.",
            code="no_cameras",
        ) from error
    return TrainingCameras("transforms", names, cameras, _lens_notes(metadata))


def _camera(scene: NgpScene, lens: dict[str, Any], start: Any) -> Camera:
    """One camera; Instant-NGP's look along +z with y down."""
    width, height = (int(side) for side in lens["resolution"])
    (fl_x, fl_y), (cx, cy) = lens["focal_length"], lens["principal_point"]
    placed = np.array(start, dtype=np.float64)
    if placed.shape != (3, 4):
        raise ValueError("a camera's matrix is not 3x4")
    matrix = np.eye(4)
    axes = placed[:, :3] * [1, -1, -1]
    matrix[:3, :3] = axes[[2, 0, 1]] if scene.cycled else axes
    matrix[:3, 3] = scene.field_from_ngp(placed[None, :, 3])[0]
    return Camera(
        width, height, float(fl_x), float(fl_y), float(cx) * width, float(cy) * height, matrix
    )


def _lens_notes(metadata: list[Any]) -> tuple[str, ...]:
    lenses = [entry.get("lens") for entry in metadata if isinstance(entry, dict)]
    bent = [lens for lens in lenses if isinstance(lens, dict) and any(lens.get("params") or [])]
    if not bent:
        return ()
    return (f"{len(bent)} of {len(metadata)} cameras have a distorted lens; it is left out.",)


def _table(table: dict[str, Any], name: str) -> dict[str, Any]:
    found = table.get(name)
    return found if isinstance(found, dict) else {}
