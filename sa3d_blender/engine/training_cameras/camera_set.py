"""Cameras of a training, and the way from their file's coordinates to a field's frame."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from ...core.cameras import Camera, without_scale
from ...core.errors import UserError
from .llff_frame import recentred, spherified, upright

MAX_CAMERAS = 100_000
"""More in one file are a damaged number."""


@dataclass(frozen=True)
class TrainingCameras:
    """The cameras that a field was trained with.

    ``placed`` is the way to the field frame; `read_training_cameras` gives the file's coordinates.
    """

    kind: Literal["transforms", "llff", "colmap", "checkpoint"]
    """Which file they come from; a checkpoint's own are in its field frame already."""
    names: tuple[str, ...]
    """Names of the pictures, as the file has them."""
    cameras: tuple[Camera, ...]
    notes: tuple[str, ...] = ()
    """What the cameras leave out, one sentence each."""
    nearest: float | None = None
    """Distance of what is nearest to any of the cameras, where the file tells: LLFF's unit."""
    original_from_file: np.ndarray = field(default_factory=lambda: np.eye(4))
    """4x4: undoes what a data set's preparation (nerfstudio's) did to the cameras."""

    def __post_init__(self) -> None:
        if len(self.cameras) > MAX_CAMERAS:
            raise UserError(
                f"A file of {len(self.cameras)} cameras cannot be used; choose another."
            )

    def matrices(self) -> np.ndarray:
        """All camera-to-file (or camera-to-field) matrices, [n 4 4]."""
        return np.stack([camera.field_from_camera for camera in self.cameras])

    def placed(self, scene: str, field_from_dataset: np.ndarray | None = None) -> TrainingCameras:
        """The same cameras in the frame of a field that was trained with them.

        Args:
            scene: ``forward_facing`` fields have LLFF's recentred frame; of LLFF's files, others
                have its spherified one, ``unbounded`` ones (DirectVoxGO) turned upright.
            field_from_dataset: 4x4 similarity that the training applied to the original
                coordinates, where its files tell (nerfstudio's ``dataparser_transforms.json``).

        Raises:
            UserError: the file does not determine LLFF's frame.
        """
        if self.kind == "checkpoint":
            return self
        matrices = self.matrices()
        if field_from_dataset is not None:
            matrices = field_from_dataset @ self.original_from_file @ matrices
        elif self.kind == "llff" or (self.kind == "colmap" and scene == "forward_facing"):
            matrices = self._in_llff_frame(matrices, scene)
        cameras = [
            replace(camera, field_from_camera=without_scale(matrix))
            for camera, matrix in zip(self.cameras, matrices, strict=True)
        ]
        return replace(self, cameras=tuple(cameras))

    def _in_llff_frame(self, matrices: np.ndarray, scene: str) -> np.ndarray:
        if self.nearest is None:
            raise UserError(
                "The COLMAP model has no points, so the scale of a forward-facing NeRF cannot be "
                "told; put its points3D file beside it, or give the poses_bounds.npy.",
                code="no_bounds",
            )
        try:
            matrices = recentred(matrices, self.nearest)
            if scene != "forward_facing":
                matrices = spherified(matrices)
            return upright(matrices) if scene == "unbounded" else matrices
        except np.linalg.LinAlgError as error:
            raise UserError(
                "The training cameras all stand in one place or look past each other, so their "
                "frame cannot be told; choose another camera file."
            ) from error
