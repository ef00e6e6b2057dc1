"""The NeRF's picture in front of whatever the scene holds, while the prompt tool is in hand.

Else a mesh that was cut out before would hide what is clicked on, and Blender's floor and the
NeRF's box would be drawn across it.
"""

from __future__ import annotations

import bpy

from ..nerf.nerf import scene_nerf
from ..nerf.views import active_camera
from . import overlay_shaders, viewport_preview
from .camera_frame import Corners, frame_in_region, is_tool_active


def clicked_frame(context: bpy.types.Context) -> Corners | None:
    """The frame of the camera in which prompts can be set, as the viewport shows it.

    None where it shows something else, or without overlays.
    """
    camera = active_camera(context.scene)
    if camera is None or not context.space_data.overlay.show_overlays:
        return None
    if scene_nerf(context.scene) is None or camera.data.type != "PERSP":
        return None
    return frame_in_region(context, camera)


def covers_scene(context: bpy.types.Context) -> bool:
    """Whether `draw_cover` draws a picture in this viewport."""
    camera = context.scene.camera
    if camera is None or not is_tool_active(context) or clicked_frame(context) is None:
        return False
    return camera.sa3d.view is not None or viewport_preview.texture_of(camera) is not None


def draw_cover(camera: bpy.types.Object, corners: Corners) -> None:
    """Draw the camera's picture over everything; what is drawn afterwards is before it."""
    followed = viewport_preview.texture_of(camera)
    if followed is not None:
        overlay_shaders.draw_pixels(followed, corners)
    elif camera.sa3d.view is not None:
        overlay_shaders.draw_picture(camera.sa3d.view, corners)
