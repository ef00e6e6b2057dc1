"""The rendered view: right pixels, right way up, exactly behind the camera's frame."""

from __future__ import annotations

from collections.abc import Callable

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.core.errors import UserError


def levels(image: bpy.types.Image) -> np.ndarray:
    """Bytes [h w 4], top row first."""
    width, height = image.size
    flat = np.zeros(width * height * 4, np.float32)
    image.pixels.foreach_get(flat)
    return np.rint(flat.reshape(height, width, 4)[::-1] * 255).astype(int)


def expected(width: int, height: int) -> np.ndarray:
    """What the stand-in engine renders, in bytes."""
    picture = np.full((height, width, 3), 0.25)
    picture[..., 0] = (np.arange(width) + 0.5) / width
    picture[..., 1] = ((np.arange(height) + 0.5) / height)[:, None]
    return np.rint(picture * 255).astype(int)


def test_every_pixel_arrives(nerf: bpy.types.Object) -> None:
    image = api.render_view(nerf)
    found = levels(image)
    assert found.shape == (240, 320, 4)
    assert np.abs(found[..., :3] - expected(320, 240)).max() <= 1
    assert (found[..., 3] == 255).all()
    assert image.colorspace_settings.name == "sRGB"


def test_it_is_the_cameras_background_exactly(nerf: bpy.types.Object) -> None:
    render = bpy.context.scene.render
    render.pixel_aspect_x, render.pixel_aspect_y = 1.5, 1.0
    render.resolution_percentage = 50
    camera = bpy.context.scene.camera
    camera.data.shift_x = 0.2
    image = api.render_view(nerf)
    assert image.size[:] == (160, 120)
    (slot,) = camera.data.background_images
    assert slot.image == image
    assert camera.data.show_background_images
    assert (slot.frame_method, slot.display_depth, slot.alpha) == ("STRETCH", "BACK", 1.0)
    assert (slot.scale, slot.rotation, tuple(slot.offset)) == (1.0, 0.0, (0.0, 0.0))


def test_rendering_again_replaces_it(nerf: bpy.types.Object) -> None:
    before = len(bpy.data.images)
    api.render_view(nerf)
    bpy.context.scene.render.resolution_x = 200
    image = api.render_view(nerf)
    assert image.size[:] == (200, 240)
    assert np.abs(levels(image)[..., :3] - expected(200, 240)).max() <= 1
    assert len(bpy.context.scene.camera.data.background_images) == 1
    assert len(bpy.data.images) == before + 1
    assert image.name == f"{nerf.name} from {bpy.context.scene.camera.name}"


def test_the_artists_own_background_stays(nerf: bpy.types.Object) -> None:
    camera = bpy.context.scene.camera
    own = camera.data.background_images.new()
    own.image = bpy.data.images.new("Sketch", 4, 4)
    api.render_view(nerf)
    names = [slot.image.name for slot in camera.data.background_images]
    assert names == ["Sketch", camera.sa3d.view.name]


def test_it_survives_saving(nerf: bpy.types.Object, reload_file: Callable[[], None]) -> None:
    api.render_view(nerf)
    reload_file()
    camera = bpy.context.scene.camera
    assert np.abs(levels(camera.sa3d.view)[..., :3] - expected(320, 240)).max() <= 1
    assert camera.data.background_images[0].image == camera.sa3d.view


def test_undo_removes_it_in_one_step(nerf: bpy.types.Object) -> None:
    bpy.ops.ed.undo_push(message="Camera")
    api.render_view(nerf)
    bpy.ops.ed.undo()
    camera = bpy.context.scene.camera
    assert camera.sa3d.view is None
    assert not camera.data.background_images


def test_a_large_picture_does_not_hold_the_main_thread(
    nerf: bpy.types.Object,
    longest_tick: Callable[..., float],
    never_held: Callable[[Callable[[], float]], None],
) -> None:
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = 1920, 1080
    never_held(lambda: longest_tick(lambda: api.render_view(nerf, wait=False)))
    assert bpy.context.scene.camera.sa3d.view.size[:] == (1920, 1080)


def test_a_camera_deleted_meanwhile_stops_the_job(
    nerf: bpy.types.Object, fake: Callable[[str], None]
) -> None:
    fake("slow")
    job = api.render_view(nerf, wait=False)
    session.pump()
    bpy.data.objects.remove(bpy.context.scene.camera)
    with pytest.raises(UserError, match="was deleted"):
        session.wait(job)
