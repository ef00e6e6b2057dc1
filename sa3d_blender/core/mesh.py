"""A coloured triangle mesh on its way from the engine to Blender."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import UserError
from .files import written_whole


@dataclass(frozen=True)
class MeshData:
    """Triangles in the field frame, normals outward (counter-clockwise seen from outside)."""

    vertices: np.ndarray
    """float32 [n 3]."""
    faces: np.ndarray
    """int32 [m 3]."""
    colors: np.ndarray
    """uint8 [n 3], sRGB."""

    def save(self, path: Path) -> None:
        """Write an uncompressed ``.npz`` without pickles."""
        packed = io.BytesIO()  # a zip that fails on a full disk complains once more when collected
        np.savez(packed, vertices=self.vertices, faces=self.faces, colors=self.colors)
        with written_whole(path) as temporary:
            temporary.write_bytes(packed.getbuffer())

    @staticmethod
    def load(path: Path) -> MeshData:
        """Read what `save` wrote. Raises UserError when the file is something else."""
        try:
            with np.load(path, allow_pickle=False) as data:
                mesh = MeshData(data["vertices"], data["faces"], data["colors"])
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} is not a mesh of this add-on ({error}); run again.") from error
        count = len(mesh.vertices)
        fits = mesh.vertices.shape == (count, 3) and mesh.faces.ndim == 2 and len(mesh.faces) > 0
        if not fits or mesh.faces.shape[1] != 3 or mesh.colors.shape != (count, 3):
            raise UserError(f"{path} holds arrays of the wrong shape; run again.")
        if mesh.faces.min() < 0 or mesh.faces.max() >= count:
            raise UserError(f"{path} holds faces without vertices; run again.")
        return mesh
