"""Prompts go on meaning what was clicked on, whatever of camera and NeRF is moved afterwards."""

from __future__ import annotations

import json
import time
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import live_masks
from bl_ext.user_default.sa3d_blender.blender.clicking.object_states import (
    ObjectState,
    object_state,
)
from bl_ext.user_default.sa3d_blender.blender.clicking.second_camera import prompted_views
from bl_ext.user_default.sa3d_blender.blender.help import cures
from bl_ext.user_default.sa3d_blender.blender.nerf import views
from bl_ext.user_default.sa3d_blender.blender.nerf.picture_state import PictureState, picture_state

live = live_masks.live


@pytest.fixture
def own_camera(nerf: bpy.types.Object) -> bpy.types.Object:
    """The artist's own camera, in no relation to the NeRF, with its picture."""
    camera = bpy.data.objects["Camera"]
    bpy.context.scene.camera = camera
    camera.location, camera.rotation_euler = (1, -6, 0.5), (1.5708, 0, 0)
    bpy.context.view_layer.update()
    api.render_view(nerf)
    return camera


def settle() -> None:
    """Tick until no mask is under way."""
    bpy.context.view_layer.update()
    live_masks.touch()
    end = time.monotonic() + 20
    while live_masks.asker.turn() is not None:
        assert time.monotonic() < end
        time.sleep(0.002)


def state(nerf: bpy.types.Object) -> PictureState:
    scene = bpy.context.scene
    bpy.context.view_layer.update()
    view = views.field_camera(scene, scene.camera, nerf)
    return picture_state(scene.camera, view, rendering=False)


def asked_place(nerf: bpy.types.Object) -> np.ndarray:
    bpy.context.view_layer.update()
    (view,) = prompted_views(bpy.context.scene, nerf)
    return view.camera.field_from_camera


@pytest.mark.parametrize("whose", ["added", "own"])
def test_moving_the_nerf_changes_nothing_of_what_is_asked(
    nerf: bpy.types.Object, whose: str, request: pytest.FixtureRequest
) -> None:
    if whose == "own":
        request.getfixturevalue("own_camera")
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    before = asked_place(nerf)
    api.segment(nerf)
    nerf.location, nerf.rotation_euler, nerf.scale = (3, 1, 2), (0.2, 0.1, 0.9), (2, 2, 2)
    assert np.allclose(asked_place(nerf), before, atol=1e-4)
    assert object_state(nerf.sa3d.nerf.objects["mug"]) is ObjectState.done
    api.segment(nerf)
    asked = json.loads((Path(nerf.sa3d.nerf.result).parent / "request.json").read_text("utf-8"))
    assert np.allclose(asked["camera"]["transform_matrix"], before, atol=1e-4)
    assert np.allclose(asked["objects"][0]["points"], [[100, 80]], atol=0.1)


def test_the_nerfs_own_cameras_keep_their_picture(nerf: bpy.types.Object) -> None:
    api.render_view(nerf)
    assert state(nerf) is PictureState.good
    nerf.location, nerf.rotation_euler = (3, 1, 2), (0.2, 0.1, 0.9)
    assert state(nerf) is PictureState.good


def test_the_artists_camera_says_that_it_must_be_rendered_again(
    nerf: bpy.types.Object, own_camera: bpy.types.Object
) -> None:
    live_masks.show()
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    settle()
    assert live.answers
    assert state(nerf) is PictureState.good
    nerf.location.x += 1
    settle()
    assert not live.answers, "no mask of something else is drawn over the old picture"
    assert "render its view again" in live.message
    assert cures.cure_of(live.error, cures.LIVE_CURES).operator == "sa3d.render_view"
    assert state(nerf) is PictureState.old
    assert bpy.ops.sa3d.render_view() == {"FINISHED"}
    settle()
    assert live.message == "", "it was mended"
    assert live.answers
    assert state(nerf) is PictureState.good


def test_moving_it_back_mends_it_too(nerf: bpy.types.Object, own_camera: bpy.types.Object) -> None:
    live_masks.show()
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    own_camera.location.z += 0.5
    settle()
    assert live.message
    own_camera.location.z -= 0.5
    settle()
    assert live.message == ""
    assert live.answers


def test_prompts_survive_saving_with_their_place(
    nerf: bpy.types.Object, own_camera: bpy.types.Object, reload_file: object
) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    before = asked_place(nerf)
    nerf.location.x += 1
    reload_file()
    assert np.allclose(asked_place(bpy.context.scene.sa3d.nerf), before, atol=1e-5)


@pytest.mark.parametrize("what", ["lens", "aspect", "shift"])
def test_another_lens_or_aspect_makes_the_picture_old(nerf: bpy.types.Object, what: str) -> None:
    api.render_view(nerf)
    camera, render = bpy.context.scene.camera, bpy.context.scene.render
    if what == "lens":
        camera.data.lens = 80
    elif what == "shift":
        camera.data.shift_x = 0.1
    else:
        render.resolution_y = 320
    assert state(nerf) is PictureState.old
    api.render_view(nerf)
    assert state(nerf) is PictureState.good
    render.resolution_percentage = 50
    assert state(nerf) is PictureState.good, "fewer pixels of the same"
    render.resolution_percentage = 200
    assert state(nerf) is PictureState.rough
