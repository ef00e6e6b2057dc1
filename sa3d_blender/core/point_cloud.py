"""Coloured points on the surfaces of a field, on their way from the engine to Blender."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .array_file import save_arrays
from .errors import UserError


@dataclass(frozen=True)
class PointCloud:
    """Points in the field frame; there may be none."""

    points: np.ndarray
    """float32 [n 3]."""
    colors: np.ndarray
    """uint8 [n 3], sRGB."""
    spacing: float
    """About how far neighbours are apart, field frame."""

    def save(self, path: Path) -> None:
        """Write an uncompressed ``.npz`` without pickles."""
        spacing = np.array(self.spacing, np.float32)
        save_arrays(path, points=self.points, colors=self.colors, spacing=spacing)

    @staticmethod
    def load(path: Path) -> PointCloud:
        """Read what `save` wrote. Raises UserError when the file is something else."""
        try:
            with np.load(path, allow_pickle=False) as data:
                cloud = PointCloud(data["points"], data["colors"], float(data["spacing"]))
        except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
            raise UserError(
                f"{path} holds no points of this add-on ({error}); load the NeRF again."
            ) from error
        shape = (len(cloud.points), 3)
        fits = cloud.points.shape == shape == cloud.colors.shape
        kinds = (cloud.points.dtype, cloud.colors.dtype) == (np.float32, np.uint8)
        if not fits or not kinds or not np.isfinite(cloud.points).all():
            raise UserError(f"{path} holds points of the wrong kind; load the NeRF again.")
        return cloud
