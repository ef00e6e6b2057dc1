"""What is clicked on is what is seen: masks only over a picture that fits, old ones again."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.nerf.picture_state import PictureState
from bl_ext.user_default.sa3d_blender.blender.nerf.views import state_of_picture
from bl_ext.user_default.sa3d_blender.blender.ui import clicked_picture, old_pictures
from bl_ext.user_default.sa3d_blender.blender.viewport import camera_frame, overlay

Fake = Callable[[str], None]


@pytest.fixture
def in_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The artist has the tool in hand; a camera rests at once."""
    monkeypatch.setattr(old_pictures, "is_tool_active", lambda _context: True)
    monkeypatch.setattr(old_pictures, "REST", 0.0)


def state(nerf: bpy.types.Object) -> PictureState:
    bpy.context.view_layer.update()
    return state_of_picture(bpy.context.scene, nerf, bpy.context.scene.camera)


def fits(nerf: bpy.types.Object) -> bool:
    bpy.context.view_layer.update()
    return overlay.masks_fit(bpy.context, nerf, bpy.context.scene.camera)


def test_masks_are_drawn_over_a_picture_that_fits_only(nerf: bpy.types.Object) -> None:
    assert not fits(nerf), "over bare points they would be of something else"
    api.render_view(nerf)
    assert fits(nerf)
    bpy.context.scene.render.resolution_x = 640
    assert not fits(nerf), "the old picture is stretched"
    api.render_view(nerf)
    assert fits(nerf)


def test_only_the_part_of_a_quad_view_with_the_camera_has_a_frame(nerf: bpy.types.Object) -> None:
    camera = bpy.context.scene.camera
    through = SimpleNamespace(view_perspective="CAMERA")
    space = SimpleNamespace(region_3d=through, camera=camera)
    other = SimpleNamespace(
        space_data=space, region_data=SimpleNamespace(view_perspective="ORTHO"), scene=None
    )
    assert camera_frame.frame_in_region(other, camera) is None


def test_a_first_click_has_the_picture_rendered(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80)
    assert "is being rendered" in clicked_picture.render_missing(bpy.context.scene)
    assert bpy.context.scene.camera.sa3d.view is not None
    assert clicked_picture.render_missing(bpy.context.scene) == ""


def test_a_click_on_an_old_picture_has_it_rendered_again_instead(nerf: bpy.types.Object) -> None:
    scene = bpy.context.scene
    api.render_view(nerf)
    assert clicked_picture.why_old(scene, scene.camera) == ""
    scene.camera.data.lens = 80
    bpy.context.view_layer.update()
    assert "is rendered again" in clicked_picture.why_old(scene, scene.camera)
    assert state(nerf) is PictureState.good
    assert clicked_picture.why_old(scene, scene.camera) == ""


def test_what_is_rendered_of_an_old_lens_stops(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    job = api.render_view(nerf, wait=False)
    session.pump()
    old_pictures.tick()
    assert not job.cancelling
    bpy.context.scene.camera.data.lens = 80
    bpy.context.view_layer.update()
    session.pump()
    assert job.cancelling


def test_an_old_picture_is_rendered_again_with_the_tool_in_hand(
    nerf: bpy.types.Object, in_hand: None
) -> None:
    api.render_view(nerf)
    old_pictures.tick()
    assert not session.running()
    bpy.context.scene.camera.data.lens = 80
    end = time.monotonic() + 20
    while state(nerf) is PictureState.old:
        old_pictures.tick()
        session.pump()
        assert time.monotonic() < end
    assert state(nerf) is PictureState.good


def test_without_the_tool_it_is_only_marked(nerf: bpy.types.Object) -> None:
    api.render_view(nerf)
    bpy.context.scene.camera.data.lens = 80
    bpy.context.view_layer.update()
    old_pictures.tick()
    assert not session.running()
    assert state(nerf) is PictureState.old
