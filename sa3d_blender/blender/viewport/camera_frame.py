"""The camera's frame as a viewport shows it: pixels under the mouse and back, and fitting it in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import bpy
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Vector

from ..nerf.framing import free_part
from ..nerf.seen_view import seen_camera, seen_corners

Corners = Sequence[Sequence[float]]
"""Top right, bottom right, bottom left, top left of the camera's frame, as `Camera.view_frame`."""
TOOL = "sa3d.prompt_tool"
MARGIN = 0.04
"""Empty part of the viewport around the frame, on each side."""
NAVIGATION = 50.0
"""Width of the navigation buttons, which lie over the viewport."""
ZOOMS = (-30.0, 600.0)


def pixel_from_region(
    corners: Corners, mouse: tuple[float, float], size: tuple[int, int]
) -> tuple[float, float]:
    """The pixel of the camera's picture, origin top left, under the mouse.

    Args:
        corners: the frame's corners in the region, y upwards.
        mouse: position in the region, y upwards.
        size: the picture's width and height.
    """
    right, top = corners[0]
    left, bottom = corners[2]
    x = (mouse[0] - left) / (right - left) * size[0]
    y = (top - mouse[1]) / (top - bottom) * size[1]
    return x, y


def region_from_pixel(
    corners: Corners, pixel: tuple[float, float], size: tuple[int, int]
) -> tuple[float, float]:
    """The inverse of `pixel_from_region`."""
    right, top = corners[0]
    left, bottom = corners[2]
    x = left + pixel[0] / size[0] * (right - left)
    y = top - pixel[1] / size[1] * (top - bottom)
    return x, y


def frame_in_region(context: bpy.types.Context, camera: bpy.types.Object) -> Corners | None:
    """The frame of the camera's picture as drawn in the viewport; None when it does not show it.

    It is the part of the camera's frame that a run saw where the camera stands for a view of it.
    """
    space = context.space_data
    view = getattr(context, "region_data", None)  # in a quad view, each part has its own
    if view is None or view.view_perspective != "CAMERA" or space.camera != camera:
        return None
    evaluated = camera.evaluated_get(context.evaluated_depsgraph_get())
    to_world = evaluated.matrix_world.normalized()
    to_region: Callable[..., Any] = location_3d_to_region_2d
    seen = seen_camera(camera)
    frame = (
        evaluated.data.view_frame(scene=context.scene)
        if seen is None
        else map(Vector, seen_corners(seen))
    )
    corners = [to_region(context.region, view, to_world @ corner) for corner in frame]
    return None if any(corner is None for corner in corners) else corners


def is_tool_active(context: bpy.types.Context) -> bool:
    """Whether the artist has the prompt tool in hand."""
    tool = context.workspace.tools.from_space_view3d_mode("OBJECT", create=False)
    return tool is not None and tool.idname == TOOL


def look_through_camera(context: bpy.types.Context, area: bpy.types.Area) -> None:
    """Turn a viewport to the active camera, its frame beside toolbar and sidebar."""
    space = area.spaces.active
    view = space.region_3d
    if space.use_local_camera:
        space.use_local_camera = False
    view.view_perspective = "CAMERA"
    left, right, width, height = free_part(area)
    right = max(right - NAVIGATION * context.preferences.system.ui_scale, left + 1.0)
    render = context.scene.render
    aspect = (render.resolution_x * render.pixel_aspect_x) / (
        render.resolution_y * render.pixel_aspect_y
    )
    room = (1 - 2 * MARGIN) * (right - left), (1 - 2 * MARGIN) * height
    longer = min(room[0], room[1] * aspect) if aspect >= 1 else min(room[1], room[0] / aspect)
    # Blender draws the frame's longer side at this share of the region's longer side.
    share = longer / max(width, height)
    zoom = 50.0 * (2.0 * share**0.5 - 2**0.5)
    view.view_camera_zoom = min(max(zoom, ZOOMS[0]), ZOOMS[1])
    view.view_camera_offset = ((width - left - right) / (4 * max(width, height) * share), 0.0)
