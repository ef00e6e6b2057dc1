"""From the surface that marching cubes found to a mesh: smooth, light, coloured, textured."""

from __future__ import annotations

import numpy as np

from ...core.mesh import MeshData
from ...core.settings import MeshSettings
from ..fields.protocol import RadianceField
from ..run import Run
from .mesh_clean import Faces, Vertices, limit_faces
from .mesh_detail import detailed
from .smoothing import smoothed
from .texture import with_texture

REACH = 6.0
"""How far above and below the surface its colours are looked for, in cells."""


def finished(
    field: RadianceField, vertices: Vertices, faces: Faces, settings: MeshSettings, run: Run
) -> MeshData:
    """The mesh of a surface, as the settings ask for it.

    It has as many faces as its forms and its colours need, and no more than the settings allow.

    Args:
        vertices, faces: of marching cubes, closed; field frame, normals outward.
    """
    cell = cell_size(vertices, faces)
    with run.timed("surface"):
        vertices = smoothed(vertices, faces, settings.smooth)
        run.check()
        most = settings.face_budget
        vertices, faces = limit_faces(vertices, faces, most, settings.tolerance * cell)
        run.check()
        mesh = detailed(
            field, vertices, faces, cell, REACH * cell, most, run, plain=bool(settings.texture)
        )
    if not settings.texture:
        return mesh
    return with_texture(field, mesh, settings.texture, run, reach=REACH * cell)


def cell_size(vertices: Vertices, faces: Faces) -> float:
    """About how far apart the nodes were that a surface was made on, by its edges' lengths."""
    ends = vertices[faces[:, :2]]
    return float(np.median(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1)))
