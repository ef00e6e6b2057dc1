"""The camera is followed with the NeRF's picture: coarse at once, finer when it rests."""

from __future__ import annotations

import time
from collections.abc import Callable

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import live_masks
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.nerf.views import field_camera
from bl_ext.user_default.sa3d_blender.blender.viewport import viewport_preview

from tests.support.waiting import until

Fake = Callable[[str], None]
following = viewport_preview.following


@pytest.fixture(autouse=True)
def _clean() -> None:
    viewport_preview.stop()
    live_masks.forget()


def rest() -> None:
    """The camera has rested for long enough."""
    following.changed_at = -1e9
    live_masks.live.not_before = 0.0


def settle() -> viewport_preview.FollowingPicture:
    """Tick until the camera's whole picture is there."""
    bpy.context.view_layer.update()

    def tick() -> None:
        viewport_preview.asker.turn()
        rest()

    def whole() -> bool:
        picture = following.picture
        return bool(picture and picture.pixels is None and viewport_preview.asker.steps is None)

    tick()
    until(lambda: whole() and following.picture.question == following.question, tick)
    viewport_preview.asker.turn()
    assert viewport_preview.asker.steps is None, "nothing is asked while nothing changes"
    assert following.picture is not None
    return following.picture


def test_the_camera_is_followed_coarsely_and_then_exactly(nerf: bpy.types.Object) -> None:
    camera = bpy.context.scene.camera
    api.follow_camera()
    until(lambda: following.picture, viewport_preview.asker.turn)
    assert following.picture.side < 320, "a moving camera gets a small picture"
    assert camera.sa3d.view is None
    sides = []
    while following.picture.pixels is not None:
        sides.append(following.picture.side)
        rest()
        viewport_preview.asker.turn()
    assert sorted(set(sides))[0] < 320
    assert tuple(camera.sa3d.view.size) == (320, 240)
    first = settle().question
    camera.location.x += 0.1
    assert settle().question != first
    assert len([slot for slot in camera.data.background_images if slot.image]) == 1


def test_only_the_newest_camera_is_rendered(
    nerf: bpy.types.Object, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake("slow")
    api.follow_camera()
    settle()
    asked: list[dict] = []
    request = type(session.current.engine).request

    def spy(engine: object, method: str, params: dict, **more: object) -> int:
        assert not session.current.engine.busy
        asked.append(params["camera"])
        return request(engine, method, params, **more)

    monkeypatch.setattr(type(session.current.engine), "request", spy)
    camera = bpy.context.scene.camera
    for step in range(20):
        camera.location.x += 0.01
        bpy.context.view_layer.update()
        viewport_preview.asker.turn()
        assert len(asked) <= 1 + step / 2, "changes meanwhile are not queued"
    settle()
    newest = field_camera(bpy.context.scene, camera, nerf)
    assert np.allclose(asked[-1]["transform_matrix"], newest.field_from_camera, atol=1e-6)


def test_clicks_and_jobs_come_first(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    api.follow_camera()
    until(lambda: viewport_preview.asker.steps, viewport_preview.asker.turn)
    api.render_view(nerf)
    assert bpy.context.scene.camera.sa3d.view is not None
    job = api.render_view(nerf, wait=False)
    viewport_preview.asker.turn()
    viewport_preview.asker.turn()
    assert viewport_preview.asker.steps is None, "nothing is asked while a job runs"
    session.wait(job)
    settle()


def test_it_stops_with_whatever_it_needs(nerf: bpy.types.Object) -> None:
    api.follow_camera()
    settle()
    bpy.ops.sa3d.follow_camera()
    assert not following.on
    api.follow_camera()
    api.stop_engine()
    assert viewport_preview.asker.turn() is None
    assert not following.on
    assert "The engine ended" in following.message
    assert session.current.engine is None, "nothing starts it again"
    api.follow_camera()
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert not following.on


def test_an_undo_has_the_picture_made_again(nerf: bpy.types.Object) -> None:
    camera = bpy.context.scene.camera
    bpy.ops.ed.undo_push(message="Camera")
    api.follow_camera()
    settle()
    camera.location.x += 0.2
    bpy.ops.ed.undo_push(message="Move")
    settle()
    bpy.ops.ed.undo()
    assert following.picture is None
    settle()
    assert bpy.context.scene.camera.sa3d.view is not None


def test_what_cannot_be_followed_is_said_and_turns_it_off(nerf: bpy.types.Object) -> None:
    api.follow_camera()
    bpy.context.scene.camera.data.type = "ORTHO"
    bpy.context.view_layer.update()
    assert viewport_preview.asker.turn() is None
    assert "is not a perspective camera" in following.message
    assert not following.on


def test_without_a_nerf_nothing_is_asked(nerf: bpy.types.Object) -> None:
    api.follow_camera()
    bpy.data.objects.remove(nerf)
    for _ in range(5):
        viewport_preview.asker.turn()
    assert not session.current.engine.busy


def test_masks_wait_for_the_camera_to_rest(nerf: bpy.types.Object) -> None:
    api.follow_camera()
    live_masks.show()
    viewport_preview.asker.turn()
    assert viewport_preview.is_moving()
    live_masks.asker.turn()
    assert live_masks.live.asking is None
    rest()
    live_masks.asker.turn()
    assert live_masks.live.asking is not None


def test_the_main_thread_is_never_held(
    nerf: bpy.types.Object, never_held: Callable[[Callable[[], float]], None]
) -> None:
    bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y = 1920, 1080
    api.follow_camera()

    def longest() -> float:
        bpy.context.scene.camera.location.x += 0.1
        bpy.context.view_layer.update()
        longest_hold = 0.0
        while following.picture is None or following.picture.pixels is not None:
            began = time.thread_time()
            viewport_preview.asker.turn()
            longest_hold = max(longest_hold, time.thread_time() - began)
            rest()
        following.picture = None
        return longest_hold

    never_held(longest)


def held(camera: bpy.types.Object) -> set[int]:
    """Addresses of the images that a camera points at and that are not in the file."""
    images = {image.as_pointer() for image in bpy.data.images}
    slots = [slot.image for slot in camera.data.background_images]
    return {image.as_pointer() for image in (camera.sa3d.view, *slots) if image} - images


def test_no_undo_leaves_a_pointer_to_an_image_that_is_gone(nerf: bpy.types.Object) -> None:
    """Blender keeps what is the same in two steps as it is now, pointers and all."""

    def steps_without_the_camera() -> None:
        for _ in range(2):
            bpy.context.view_layer.update()
            bpy.context.scene.cursor.location.x += 1
            bpy.ops.ed.undo_push(message="Cursor")

    bpy.ops.ed.undo_push(message="Camera")
    steps_without_the_camera()
    api.follow_camera()
    settle()
    bpy.context.scene.camera.location.x += 0.2
    bpy.ops.ed.undo_push(message="Move")
    steps_without_the_camera()
    settle()
    for step in (*[bpy.ops.ed.undo] * 5, *[bpy.ops.ed.redo] * 4):
        step()
        assert not held(bpy.context.scene.camera)
