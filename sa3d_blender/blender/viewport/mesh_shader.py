"""Drawing coloured meshes that are in no scene. Only called from a draw handler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from ...core.mesh import MeshData
from .own_shader import MATRIX, own_shader

# Blender's frame buffer takes scene-linear colours while a 3D view is drawn.
_VERTEX = """
void main()
{
  gl_Position = ModelViewProjectionMatrix * vec4(pos, 1.0);
  vec3 shown = mix(color, tint.rgb, tint.a);
  shade = vec4(pow(shown, vec3(2.2)), 1.0);
}
"""
_FRAGMENT = """
void main()
{
  fragColor = shade;
}
"""


@dataclass(eq=False)
class DrawnMesh:
    """A mesh and what the graphics card has of it."""

    mesh: MeshData
    batch: Any = None


@cache
def _shader() -> Any:
    return own_shader(
        _VERTEX,
        _FRAGMENT,
        inputs=(("VEC3", "pos"), ("VEC3", "color")),
        passed=("smooth", "VEC4", "shade"),
        constants=(("VEC4", "tint"),),
    )


def draw_mesh(
    drawn: DrawnMesh,
    world_from_field: Matrix,
    view: Any,
    *,
    tint: tuple[float, float, float, float],
) -> None:
    """Draw a mesh into a 3D view, hidden by what is before it.

    Args:
        view: the region's ``RegionView3D``.
        tint: a colour and how much of it there is in the mesh's.
    """
    shader = _shader()
    if drawn.batch is None:
        content: dict[str, Any] = {
            "pos": drawn.mesh.vertices,
            "color": np.ascontiguousarray(drawn.mesh.colors, np.float32) / np.float32(255),
        }
        drawn.batch = batch_for_shader(shader, "TRIS", content, indices=drawn.mesh.faces)
    gpu.state.depth_test_set("LESS_EQUAL")
    gpu.state.depth_mask_set(True)
    try:
        shader.bind()
        shader.uniform_float(MATRIX, view.perspective_matrix @ world_from_field)
        shader.uniform_float("tint", tint)
        drawn.batch.draw(shader)
    finally:
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set("NONE")
