"""Drawing coloured points on the graphics card. Only called from a draw handler."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import gpu
import numpy as np
from gpu_extras.batch import batch_for_shader
from mathutils import Matrix

from ...core.point_cloud import PointCloud
from .own_shader import MATRIX, own_shader

OVERLAP = 1.8
"""Width of a drawn point over the points' spacing: neighbours close the gaps between them."""

# Blender's frame buffer takes scene-linear colours while a 3D view is drawn.
_VERTEX = """
void main()
{
  vec3 away = normalize(pos - eye_and_push.xyz) * eye_and_push.w;
  vec4 behind = ModelViewProjectionMatrix * vec4(pos + away, 1.0);
  gl_Position = ModelViewProjectionMatrix * vec4(pos, 1.0);
  gl_Position.z = behind.z / behind.w * gl_Position.w;
  gl_PointSize = clamp(size / gl_Position.w, 2.0, 40.0);
  vec3 shown = mix(color, tint.rgb * (0.35 + 0.65 * dot(color, vec3(0.3, 0.6, 0.1))), tint.a);
  shade = vec4(pow(shown, vec3(2.2)), 1.0);
}
"""
_FRAGMENT = """
void main()
{
  vec2 place = gl_PointCoord - vec2(0.5);
  if (dot(place, place) > 0.25) {
    discard;
  }
  fragColor = shade;
}
"""


@dataclass(eq=False)
class DrawnPoints:
    """A point cloud and what the graphics card has of it."""

    cloud: PointCloud
    batch: Any = None


@cache
def _shader() -> Any:
    return own_shader(
        _VERTEX,
        _FRAGMENT,
        inputs=(("VEC3", "pos"), ("VEC3", "color")),
        passed=("flat", "VEC4", "shade"),
        constants=(("VEC4", "eye_and_push"), ("VEC4", "tint"), ("FLOAT", "size")),
    )


def draw_points(
    drawn: DrawnPoints,
    world_from_field: Matrix,
    view: Any,
    height: int,
    *,
    tint: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0),
    push: float = 0.0,
) -> None:
    """Draw points into a 3D view, hidden by what is before them.

    Args:
        view: the region's ``RegionView3D``.
        height: of the region, in pixels.
        tint: a colour and how much of it there is in the points'.
        push: how far behind them their depth is taken to be, in spacings, so that a mesh in the
            same place is in front; before them where negative.
    """
    if not len(drawn.cloud.points):
        return
    shader = _shader()
    if drawn.batch is None:
        content: dict[str, Any] = {
            "pos": drawn.cloud.points,
            "color": np.ascontiguousarray(drawn.cloud.colors, np.float32) / np.float32(255),
        }
        drawn.batch = batch_for_shader(shader, "POINTS", content)
    spacing = drawn.cloud.spacing
    eye = world_from_field.inverted_safe() @ view.view_matrix.inverted_safe().translation
    pixels = 0.5 * height * view.window_matrix[1][1] * world_from_field.median_scale
    gpu.state.depth_test_set("LESS_EQUAL")
    gpu.state.depth_mask_set(True)
    gpu.state.program_point_size_set(True)
    try:
        shader.bind()
        shader.uniform_float(MATRIX, view.perspective_matrix @ world_from_field)
        shader.uniform_float("eye_and_push", (*eye, push * spacing))
        shader.uniform_float("tint", tint)
        shader.uniform_float("size", OVERLAP * spacing * pixels)
        drawn.batch.draw(shader)
    finally:
        gpu.state.program_point_size_set(False)
        gpu.state.depth_mask_set(False)
        gpu.state.depth_test_set("NONE")
