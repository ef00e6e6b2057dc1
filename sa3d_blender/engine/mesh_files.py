"""Writing meshes as GLB, PLY and OBJ with vertex colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from ..core.errors import UserError
from ..core.files import written_whole
from ..core.mesh import MeshData

ENDINGS = (".glb", ".ply", ".obj")


def write_mesh(mesh: MeshData, path: Path) -> None:
    """Write a mesh; the ending says the format.

    ``.ply`` and ``.obj`` hold the field frame as it is. ``.glb`` is Y up, as glTF demands:
    (x, y, z) becomes (x, z, -y), which importers turn back.

    Raises:
        UserError: the ending is another, or the file cannot be written.
    """
    ending = path.suffix.lower()
    check_ending(path)
    vertices = mesh.vertices
    if ending == ".glb":
        vertices = np.stack([vertices[:, 0], vertices[:, 2], -vertices[:, 1]], axis=1)
    surface = trimesh.Trimesh(
        vertices=vertices, faces=mesh.faces, vertex_colors=with_alpha(mesh.colors), process=False
    )
    surface.metadata["name"] = path.stem
    data: bytes | str = surface.export(file_type=ending[1:])  # type: ignore[assignment]
    with written_whole(path) as temporary:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)


def check_ending(path: Path) -> None:
    """Raise UserError unless a mesh file's name ends in a format that can be written."""
    if path.suffix.lower() not in ENDINGS:
        raise UserError(f"{path.name} must end in .glb, .ply or .obj; choose one of them.")


def with_alpha(colors: np.ndarray) -> np.ndarray:
    """Opaque RGBA bytes [n 4] of RGB bytes [n 3]."""
    return np.concatenate([colors, np.full((len(colors), 1), 255, np.uint8)], axis=1)
