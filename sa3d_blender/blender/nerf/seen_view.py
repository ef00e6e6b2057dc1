"""A camera that stands exactly where a run looked: at its place, with its lens and its pixels.

The scene's resolution is another one than the run's, and Blender stores single floats. The engine
knows a view again by its exact numbers only. So the camera keeps what the engine said of it, and
that counts for as long as the artist leaves the camera alone. Its picture then is the part of
Blender's frame that the run saw; the frame is fitted around it.
"""

from __future__ import annotations

import json

import bpy
import numpy as np
from mathutils import Matrix

from ...core.cameras import Camera, without_scale
from .lens import has_lens, set_lens
from .picture_state import is_same_place


def seen_camera(camera: bpy.types.Object) -> Camera | None:
    """The run's camera in the NeRF's frame that a Blender camera stands for.

    None for any other camera, and for one that was moved or whose lens was changed.
    """
    text = camera.sa3d.seen
    if not text or camera.type != "CAMERA" or camera.parent is None:
        return None
    seen = Camera.from_json(json.loads(text))
    evaluated = camera.evaluated_get(bpy.context.evaluated_depsgraph_get())
    parent = evaluated.parent
    there = without_scale(
        np.array(parent.matrix_world.inverted_safe() @ evaluated.matrix_world, dtype=np.float64)
    )
    still = is_same_place(seen.field_from_camera, there) and has_lens(evaluated.data, seen)
    return seen if still else None


def stand_at(scene: bpy.types.Scene, camera: bpy.types.Object, seen: Camera) -> None:
    """Put a camera that is the NeRF's child where a run looked, with Blender's frame around it."""
    render = scene.render
    frame = (render.resolution_x * render.pixel_aspect_x) / (
        render.resolution_y * render.pixel_aspect_y
    )
    wide = seen.width / seen.fl_x >= frame * seen.height / seen.fl_y
    set_lens(camera.data, seen, "HORIZONTAL" if wide else "VERTICAL")
    camera.matrix_basis = Matrix(seen.field_from_camera.tolist())
    camera.sa3d.seen = json.dumps(seen.to_json())


def seen_corners(seen: Camera) -> list[tuple[float, float, float]]:
    """Corners of the picture in the camera's axes, in the order of Blender's ``view_frame``."""
    x0, x1 = -seen.cx / seen.fl_x, (seen.width - seen.cx) / seen.fl_x
    y0, y1 = (seen.cy - seen.height) / seen.fl_y, seen.cy / seen.fl_y
    return [(x1, y1, -1.0), (x1, y0, -1.0), (x0, y0, -1.0), (x0, y1, -1.0)]
