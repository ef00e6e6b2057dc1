"""A coloured triangle mesh on its way from the engine to Blender."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .array_file import save_arrays
from .errors import UserError
from .png import png_size

LARGEST_TEXTURE = 8192
"""Pixels of a texture's side."""


@dataclass(frozen=True)
class Texture:
    """A picture on a mesh's surface."""

    uvs: np.ndarray
    """float32 [m 3 2]: where each face's corners lie in the picture, in [0, 1] from its bottom
    left."""
    png: bytes
    """The picture as a PNG file, sRGB."""


@dataclass(frozen=True)
class MeshData:
    """Triangles in the field frame, normals outward (counter-clockwise seen from outside)."""

    vertices: np.ndarray
    """float32 [n 3]."""
    faces: np.ndarray
    """int32 [m 3]."""
    colors: np.ndarray
    """uint8 [n 3], sRGB."""
    texture: Texture | None = None

    def save(self, path: Path) -> None:
        """Write an uncompressed ``.npz`` without pickles."""
        arrays = {"vertices": self.vertices, "faces": self.faces, "colors": self.colors}
        if self.texture is not None:
            arrays["uvs"] = self.texture.uvs
            arrays["png"] = np.frombuffer(self.texture.png, np.uint8)
        save_arrays(path, **arrays)

    @staticmethod
    def load(path: Path) -> MeshData:
        """Read what `save` wrote. Raises UserError when the file is something else."""
        try:
            with np.load(path, allow_pickle=False) as data:
                texture = Texture(data["uvs"], data["png"].tobytes()) if "uvs" in data else None
                mesh = MeshData(data["vertices"], data["faces"], data["colors"], texture)
            problem = mesh._problem()
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise UserError(f"{path} is not a mesh of this add-on ({error}); run again.") from error
        if problem:
            raise UserError(f"{path} holds {problem}; run again.")
        return mesh

    def _problem(self) -> str:
        """What makes it no mesh. Raises ValueError when the texture is no PNG."""
        count = len(self.vertices)
        fits = self.vertices.shape == (count, 3) and self.faces.ndim == 2 and len(self.faces) > 0
        if not fits or self.faces.shape[1] != 3 or self.colors.shape != (count, 3):
            return "arrays of the wrong shape"
        if self.faces.min() < 0 or self.faces.max() >= count:
            return "faces without vertices"
        if self.texture is None:
            return ""
        if self.texture.uvs.shape != (len(self.faces), 3, 2):
            return "arrays of the wrong shape"
        return "" if max(png_size(self.texture.png)) <= LARGEST_TEXTURE else "too large a texture"
