"""What is drawn over the camera's picture: masks, prompts, and the picture while clicking."""

from __future__ import annotations

import time

import blf
import bpy
import gpu

from ...core.errors import UserError
from ..clicking.live_masks import live, take_answer
from ..clicking.prompt_pixels import read_box, read_pixels
from ..clicking.prompts import prompt_empties
from ..clicking.run_masks import run_mask
from ..clicking.second_camera import candidate
from ..nerf.nerf import scene_nerf
from ..nerf.picture_state import PictureState
from ..nerf.views import state_of_picture, world_camera
from ..properties import BOX, NEGATIVE
from . import coarse_preview, overlay_shaders, viewport_preview
from .camera_frame import Corners, region_from_pixel
from .covering_picture import clicked_frame, covers_scene, draw_cover
from .drawing import ViewportDrawing

MARKER = 8.5
"""Radius of a prompt's marker in pixels, at a user interface scale of 1."""
TINT = 0.35
"""Opacity of a mask."""

timing: list[float] = []
"""Seconds of the last drawings, the newest last; for measurements."""
drawn: dict[str, float] = {}
"""When each answer was first drawn, by the entry's key; for measurements."""
dragged: list[tuple[float, float]] = []
"""Two corners of the box that is being dragged, in the region."""


def draw() -> None:
    """Draw handler of the 3D viewports."""
    began = time.perf_counter()
    context = bpy.context
    camera, nerf = context.scene.camera, scene_nerf(context.scene)
    corners = clicked_frame(context)
    if nerf is None or corners is None:
        return
    gpu.state.blend_set("ALPHA")
    try:
        if covers_scene(context):
            draw_cover(camera, corners)
            coarse_preview.draw(context)
        take_answer()
        if masks_fit(context, nerf, camera):
            _draw_masks(nerf, corners)
        else:
            _draw_word(context, nerf, camera, corners)
        _draw_prompts(context, nerf, camera, corners)
        if len(dragged) == 2:
            overlay_shaders.draw_outline(_rectangle(*dragged), (1.0, 1.0, 1.0, 1.0))
    finally:
        gpu.state.blend_set("NONE")
    timing.append(time.perf_counter() - began)
    del timing[:-500]


def masks_fit(context: bpy.types.Context, nerf: bpy.types.Object, camera: bpy.types.Object) -> bool:
    """Whether masks belong over what is seen: a picture of what the camera sees now."""
    if viewport_preview.is_moving():
        return False
    if viewport_preview.texture_of(camera) is not None:
        return True
    state = state_of_picture(context.scene, nerf, camera)
    return state in (PictureState.good, PictureState.rough)


def _draw_word(
    context: bpy.types.Context,
    nerf: bpy.types.Object,
    camera: bpy.types.Object,
    corners: Corners,
) -> None:
    """Say over the picture that it is an old one."""
    if state_of_picture(context.scene, nerf, camera) is not PictureState.old:
        return
    scale = context.preferences.system.ui_scale
    (left, top), font = corners[3], 0
    blf.size(font, 14 * scale)
    blf.enable(font, blf.SHADOW)
    blf.shadow(font, 5, 0.0, 0.0, 0.0, 1.0)
    blf.color(font, 1.0, 0.8, 0.2, 1.0)
    blf.position(font, left + 10 * scale, top - 24 * scale, 0)
    for _ in range(4):  # one shadow alone is too faint on a white picture
        blf.draw(font, PictureState.old.value)
    blf.disable(font, blf.SHADOW)


def _draw_masks(nerf: bpy.types.Object, corners: Corners) -> None:
    camera = bpy.context.scene.camera
    for entry in nerf.sa3d.nerf.objects:
        answer, cut = live.answers.get(entry.key), run_mask(camera, entry.key)
        if answer is None and cut is not None:  # what the last run cut here
            cut.texture = cut.texture or overlay_shaders.mask_texture(cut.mask)
            overlay_shaders.draw_mask(cut.texture, corners, (*entry.color, TINT))
        if answer is not None:
            which = candidate(entry, camera, len(answer.masks))
            if which not in answer.drawn:
                answer.drawn[which] = overlay_shaders.mask_texture(answer.masks[which])
            overlay_shaders.draw_mask(answer.drawn[which], corners, (*entry.color, TINT))
            if drawn.get(entry.key, 0.0) < answer.came_at:
                drawn[entry.key] = time.perf_counter()


def _draw_prompts(
    context: bpy.types.Context,
    nerf: bpy.types.Object,
    camera: bpy.types.Object,
    corners: Corners,
) -> None:
    view = world_camera(context.scene, camera)
    size = (view.width, view.height)
    colors = {entry.key: tuple(entry.color) for entry in nerf.sa3d.nerf.objects}
    radius = MARKER * context.preferences.system.ui_scale
    for empty in prompt_empties(nerf):
        prompt = empty.sa3d.prompt
        if prompt.camera != camera or not empty.visible_get():
            continue
        color = colors.get(prompt.object_key, (0.5, 0.5, 0.5))
        try:
            if prompt.label == BOX:
                x0, y0, x1, y1 = read_box(view, empty)
                ends = [region_from_pixel(corners, p, size) for p in ((x0, y0), (x1, y1))]
                overlay_shaders.draw_outline(_rectangle(*ends), (*color, 1.0))
            else:
                ((x, y),) = read_pixels(view, [empty])
                place = region_from_pixel(corners, (x, y), size)
                overlay_shaders.draw_marker(place, radius, color, prompt.label == NEGATIVE)
        except UserError:
            continue  # behind the camera


def _rectangle(
    first: tuple[float, float], second: tuple[float, float]
) -> list[tuple[float, float]]:
    (x0, y0), (x1, y1) = first, second
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


_drawing = ViewportDrawing(draw, "POST_PIXEL")
register, unregister = _drawing.register, _drawing.unregister
