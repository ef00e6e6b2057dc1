"""A slow NeRF's view is shown roughly first, and gets sharp while the artist goes on."""

from __future__ import annotations

import time
from collections.abc import Callable

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import live_masks
from bl_ext.user_default.sa3d_blender.blender.engine_link import askers, session
from bl_ext.user_default.sa3d_blender.blender.nerf import views
from bl_ext.user_default.sa3d_blender.blender.ui import workflow
from bl_ext.user_default.sa3d_blender.blender.viewport import best_picture, progressive_view

from tests.support.waiting import until

Fake = Callable[[str], None]
SLOW, QUICK = "pace=150", "pace=1"


@pytest.fixture(autouse=True)
def _clean(nerf: bpy.types.Object) -> None:
    live_masks.forget()
    bpy.ops.ed.undo_push(message="Set Up")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, int]]:
    """What the engine was asked for, and the pictures' width and height."""
    requests: list[tuple[str, int, int]] = []
    process = type(session.start_engine())
    request = process.request

    def spy(engine: object, method: str, params: dict, **more: object) -> int:
        camera = params["camera"]
        requests.append((method, camera["w"], camera["h"]))
        return request(engine, method, params, **more)

    monkeypatch.setattr(process, "request", spy)
    return requests


def view_size() -> tuple[int, ...]:
    """Width and height of what is behind the camera's frame; nothing where there is none."""
    image = bpy.context.scene.camera.sa3d.view
    return tuple(image.size) if image is not None else ()


def rough_one(nerf: bpy.types.Object) -> session.Job:
    """A job whose first rough picture is on show."""
    job = api.render_view(nerf, wait=False)
    until(lambda: view_size() or job.state != "running", session.pump)
    return job


@pytest.mark.parametrize(
    ("full", "sides"), [(1920, [66, 145, 320]), (640, [73, 160]), (320, [73, 160]), (300, [])]
)
def test_rough_pictures_are_a_small_part_of_the_work(full: int, sides: list[int]) -> None:
    assert progressive_view.rough_sides(full) == sides


def test_a_slow_view_is_rough_first_and_then_exact(nerf: bpy.types.Object, fake: Fake) -> None:
    fake(SLOW)
    job = api.render_view(nerf, wait=False)
    sizes, told = [()], []
    while job.state == "running":
        session.pump()
        if view_size() != sizes[-1]:
            sizes.append(view_size())
            assert not view_size()[0] < 320 or job.gives_way
        if job.clock.ends is not None:
            told.append(job.clock.ends - time.monotonic())
    assert told[0] == pytest.approx(320 * 240 * 150e-6, abs=1.5), "known from the start"
    assert told[-1] < 2
    assert sizes == [(), (73, 55), (160, 120), (320, 240)]
    image, scene = bpy.context.scene.camera.sa3d.view, bpy.context.scene
    flat = np.zeros(320 * 240 * 4, np.float32)
    image.pixels.foreach_get(flat)
    found = flat.reshape(240, 320, 4)[::-1]
    camera = views.world_camera(scene, scene.camera)
    red = 0.5 + (np.arange(320) + 0.5 - camera.cx) / camera.fl_x / 4
    green = 0.5 + (np.arange(240) + 0.5 - camera.cy) / camera.fl_y / 4
    assert np.abs(found[..., 0] - red).max() < 0.003
    assert np.abs(found[..., 1] - green[:, None]).max() < 0.003
    bpy.ops.ed.undo()
    assert view_size() == (), "one undo takes it back"


def test_a_quick_view_takes_no_detour(
    nerf: bpy.types.Object, fake: Fake, asked: list[tuple[str, int, int]]
) -> None:
    fake(QUICK)
    job = api.render_view(nerf, wait=False)
    until(lambda: job.state != "running", session.pump, lambda: view_size() in ((), (320, 240)))
    assert asked == [("render", 73, 55), ("render", 320, 240)]
    assert view_size() == (320, 240)
    assert not job.gives_way


def test_a_script_gets_the_picture_alone(
    nerf: bpy.types.Object, fake: Fake, asked: list[tuple[str, int, int]]
) -> None:
    fake(SLOW)
    api.render_view(nerf)
    assert asked == [("render", 320, 240)]


def test_clicks_on_the_rough_picture_are_answered(nerf: bpy.types.Object, fake: Fake) -> None:
    fake(f"{SLOW} slow")
    live_masks.show()
    job = rough_one(nerf)
    assert workflow.next_step(bpy.context) == "sa3d.pick_prompts"
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    bpy.context.view_layer.update()
    until(lambda: live_masks.live.answers, live_masks.look_now, session.pump)
    assert job.state == "running", "no click waits for the sharp picture"
    session.wait(job)
    assert view_size() == (320, 240)
    assert live_masks.live.answers


def test_a_click_waits_where_a_job_does_not_give_way(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    job = api.render_view(nerf, wait=False)
    live_masks.show()
    assert live_masks.asker.turn() == askers.PATIENT
    session.wait(job)


def test_cancel_keeps_the_rough_picture(nerf: bpy.types.Object, fake: Fake) -> None:
    fake(f"{SLOW} slow")
    job = rough_one(nerf)
    api.cancel()
    until(lambda: job.state != "running", session.pump)
    assert job.state == "cancelled"
    assert 0 < view_size()[0] < 320
    bpy.ops.ed.undo()
    assert view_size() == ()


def test_cancel_is_heard_while_a_strips_answer_is_on_its_way(
    nerf: bpy.types.Object, fake: Fake, asked: list[tuple[str, int, int]]
) -> None:
    fake(f"{SLOW} slow")
    job = rough_one(nerf)
    time.sleep(0.5)
    api.cancel()
    before = len(asked)
    until(lambda: job.state != "running", session.pump)
    assert job.state == "cancelled"
    assert len(asked) == before


def test_an_undo_of_a_click_leaves_the_picture_sharp(nerf: bpy.types.Object, fake: Fake) -> None:
    fake(f"{SLOW} slow")
    job = rough_one(nerf)
    bpy.ops.sa3d.add_object()  # as a click, it is an undo step that holds the rough picture
    bpy.ops.ed.undo_push(message="Click")
    session.wait(job)
    bpy.ops.ed.undo()
    best_picture.restore()
    assert not bpy.context.scene.sa3d.nerf.sa3d.nerf.objects
    assert view_size() == (320, 240)
    bpy.ops.ed.undo()
    best_picture.restore()
    assert view_size() == ()
    bpy.ops.ed.redo()
    assert view_size() == (73, 55), "what Blender remembers"
    best_picture.restore()
    assert view_size() == (320, 240)
    assert len(bpy.context.scene.camera.data.background_images) == 1


def test_another_job_need_not_wait(nerf: bpy.types.Object, fake: Fake) -> None:
    fake(f"{SLOW} slow")
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    job = rough_one(nerf)
    assert workflow.why_no_job(bpy.context) is None
    (mesh,) = api.segment(nerf)
    assert mesh.name == "mug"
    assert job.state == "cancelled"
    assert 0 < view_size()[0] < 320


def test_a_picture_made_ready_makes_way_and_is_asked_for_again(
    nerf: bpy.types.Object, fake: Fake, asked: list[tuple[str, int, int]]
) -> None:
    fake("slow")
    live_masks.show()
    live_masks.asker.turn()
    assert live_masks.live.asking is not None
    api.render_view(nerf)
    until(lambda: live_masks.live.ready, live_masks.asker.turn)
    assert [method for method, *_ in asked] == ["predict", "render", "predict"]
    assert live_masks.live.error is None


def test_the_main_thread_is_never_held(
    nerf: bpy.types.Object,
    fake: Fake,
    longest_tick: Callable[..., float],
    never_held: Callable[[Callable[[], float]], None],
) -> None:
    fake("pace=20")
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = 1920, 1080
    never_held(lambda: longest_tick(lambda: api.render_view(nerf, wait=False)))
    assert view_size() == (1920, 1080)
