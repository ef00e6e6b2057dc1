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

SENSOR = 36.0
"""Side in millimetres that the lens is fitted to, Blender's default."""
STILL = 2e-4
"""What single floats may lose: parts of the distance, of a turn, of the lens."""


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
    wanted = seen.field_from_camera
    turned = np.abs(there[:3, :3] - wanted[:3, :3]).max()
    moved = np.abs(there[:3, 3] - wanted[:3, 3]).max() / max(1.0, np.abs(wanted[:3, 3]).max())
    still = max(turned, moved) <= STILL and _has_lens(evaluated.data, seen)
    return seen if still else None


def stand_at(scene: bpy.types.Scene, camera: bpy.types.Object, seen: Camera) -> None:
    """Put a camera that is the NeRF's child where a run looked, with Blender's frame around it."""
    render = scene.render
    frame = (render.resolution_x * render.pixel_aspect_x) / (
        render.resolution_y * render.pixel_aspect_y
    )
    wide = seen.width / seen.fl_x >= frame * seen.height / seen.fl_y
    lens = camera.data
    lens.type, lens.sensor_fit = "PERSP", "HORIZONTAL" if wide else "VERTICAL"
    lens.sensor_width = lens.sensor_height = SENSOR
    lens.lens, lens.shift_x, lens.shift_y = _lens(seen, lens.sensor_fit)
    camera.matrix_basis = Matrix(seen.field_from_camera.tolist())
    camera.sa3d.seen = json.dumps(seen.to_json())


def seen_corners(seen: Camera) -> list[tuple[float, float, float]]:
    """Corners of the picture in the camera's axes, in the order of Blender's ``view_frame``."""
    x0, x1 = -seen.cx / seen.fl_x, (seen.width - seen.cx) / seen.fl_x
    y0, y1 = (seen.cy - seen.height) / seen.fl_y, seen.cy / seen.fl_y
    return [(x1, y1, -1.0), (x1, y0, -1.0), (x0, y0, -1.0), (x0, y1, -1.0)]


def _lens(seen: Camera, fit: str) -> tuple[float, float, float]:
    """Focal length in millimetres and shifts of a lens that is fitted to one side."""
    if fit == "HORIZONTAL":
        side_x, side_y = seen.width, seen.width * seen.fl_y / seen.fl_x
    else:
        side_x, side_y = seen.height * seen.fl_x / seen.fl_y, seen.height
    shift_x, shift_y = (seen.width / 2 - seen.cx) / side_x, (seen.cy - seen.height / 2) / side_y
    return seen.fl_x / side_x * SENSOR, shift_x, shift_y


def _has_lens(lens: bpy.types.Camera, seen: Camera) -> bool:
    if lens.type != "PERSP" or lens.sensor_fit == "AUTO":
        return False
    side = lens.sensor_width if lens.sensor_fit == "HORIZONTAL" else lens.sensor_height
    focal, *shifts = _lens(seen, lens.sensor_fit)
    there = (lens.lens / side * SENSOR / focal, lens.shift_x, lens.shift_y)
    return bool(np.allclose(there, (1.0, *shifts), rtol=0.0, atol=STILL))
