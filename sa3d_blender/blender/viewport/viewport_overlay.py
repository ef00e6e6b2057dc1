"""What is drawn into the 3D viewports, among the scene's own things: pictures and points."""

from __future__ import annotations

import bpy

from . import coarse_preview, overlay_shaders, point_proxy, viewport_preview
from .camera_frame import frame_in_region
from .covering_picture import covers_scene
from .drawing import ViewportDrawing
from .point_shader import draw_points

BEHIND = 1.5
"""How far points are taken to be behind what is in the same place, in their spacings."""


def draw() -> None:
    """Draw handler of the 3D viewports."""
    context = bpy.context
    if not context.space_data.overlay.show_overlays:
        return
    view, height = context.region_data, context.region.height
    if not _draw_backdrop(context):
        for nerf, points in point_proxy.shown(context.scene):
            draw_points(points, nerf.matrix_world, view, height, push=BEHIND)
    if not covers_scene(context):
        coarse_preview.draw(context)


def _draw_backdrop(context: bpy.types.Context) -> bool:
    """Draw the followed camera's picture; whether there is any, or the camera's own."""
    camera, region = context.scene.camera, context.region
    if camera is None or camera.type != "CAMERA":
        return False
    corners = frame_in_region(context, camera)
    if corners is None:
        return False
    texture = viewport_preview.texture_of(camera)
    if texture is not None:
        overlay_shaders.draw_backdrop(texture, corners, (region.width, region.height))
        return True
    return camera.sa3d.view is not None and camera.data.show_background_images


_drawing = ViewportDrawing(draw, "POST_VIEW")
register, unregister = _drawing.register, _drawing.unregister
