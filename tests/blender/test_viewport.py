"""What the viewport shows of a NeRF: points of the whole, points of a run, the followed camera."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import (
    api,
    coarse_preview,
    live_masks,
    point_proxy,
    session,
    viewport_preview,
)
from bl_ext.user_default.sa3d_blender.core.errors import Cancelled, UserError

Fake = Callable[[str], None]
Contents = Callable[[], dict[str, list[str]]]
following = viewport_preview.following


@pytest.fixture(autouse=True)
def _clean() -> None:
    point_proxy.forget()
    point_proxy.proxies.not_before = 0.0
    viewport_preview.stop()
    live_masks.forget()


def until(met: Callable[[], object], *ticks: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not met():
        assert time.monotonic() < end
        for tick in ticks:
            tick()
        time.sleep(0.002)


def proxy_of(nerf: bpy.types.Object) -> point_proxy.Proxy | None:
    return point_proxy.proxies.by_nerf.get(nerf.session_uid)


def fetch_points(nerf: bpy.types.Object) -> point_proxy.Proxy:
    done = len(point_proxy.LEVELS)
    until(lambda: (p := proxy_of(nerf)) and (p.level == done or p.message), point_proxy.tick)
    proxy = proxy_of(nerf)
    assert proxy is not None
    return proxy


def shown_points() -> list[int]:
    return [len(drawn.cloud.points) for _, drawn in point_proxy.shown(bpy.context.scene)]


def test_points_come_after_the_load_and_leave_no_trace_in_the_file(
    nerf: bpy.types.Object, contents: Contents
) -> None:
    before = contents()
    seen = set()
    until(lambda: seen.update(shown_points()) or 30_000 in seen, point_proxy.tick)
    assert seen == {8_000, 30_000}, "few at once, then more"
    ((frame, _),) = point_proxy.shown(bpy.context.scene)
    assert frame == nerf
    assert contents() == before
    bpy.ops.ed.undo_push(message="Something")
    bpy.ops.ed.undo()
    assert shown_points() == [30_000], "an undo of something else leaves them"


def test_points_can_be_hidden_and_go_with_the_nerf(nerf: bpy.types.Object) -> None:
    fetch_points(nerf)
    nerf.sa3d.nerf.show_points = False
    assert shown_points() == []
    nerf.sa3d.nerf.show_points = True
    assert shown_points() == [30_000]
    bpy.data.objects.remove(nerf)
    assert shown_points() == []
    point_proxy.tick()
    assert not point_proxy.proxies.by_nerf


def test_hidden_points_are_not_fetched(nerf: bpy.types.Object) -> None:
    nerf.sa3d.nerf.show_points = False
    for _ in range(20):
        assert point_proxy.tick() == point_proxy.IDLE
    assert proxy_of(nerf) is None


def test_points_are_there_without_an_engine_when_the_file_is_opened_again(
    checkpoint: Path, tmp_path: Path
) -> None:
    path = str(tmp_path / "gespeichert 保存.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    nerf = api.load_nerf(checkpoint)
    fetch_points(nerf)
    bpy.ops.wm.save_mainfile()
    session.stop_engine()
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert not point_proxy.proxies.by_nerf, "another file has other points"
    bpy.ops.wm.open_mainfile(filepath=path)
    fetch_points(bpy.context.scene.sa3d.nerf)
    assert shown_points() == [30_000]
    assert session.current.engine is None
    checkpoint.write_bytes(b"trained on")
    point_proxy.forget()
    for _ in range(20):
        point_proxy.tick()
    assert shown_points() == [], "they would be those of another training"


def test_a_job_does_not_wait_for_points(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    session.start_engine()
    until(lambda: session.current.engine.busy, point_proxy.tick)
    api.render_view(nerf)
    until(lambda: point_proxy.proxies.steps is None, point_proxy.tick)
    assert shown_points() == [], "they made way"
    point_proxy.proxies.not_before = 0.0
    fetch_points(nerf)
    assert shown_points() == [30_000], "they come when the job is done"


def test_a_field_without_points_is_asked_once(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("no_points")
    session.start_engine()
    assert fetch_points(nerf).message == "The NeRF is all fog."
    assert point_proxy.tick() == point_proxy.IDLE
    assert not session.current.engine.busy


def test_points_become_an_object_when_asked_for(nerf: bpy.types.Object) -> None:
    nerf.location = (1, 2, 3)
    made = api.points_to_object(nerf, count=500)
    assert (made.parent, made.sa3d.kind) == (nerf, "POINTS")
    assert len(made.data.polygons) == 4 * 500
    corners = np.array([v.co for v in made.data.vertices]).reshape(-1, 4, 3)
    assert np.allclose(np.linalg.norm(corners.mean(axis=1), axis=1), 1, atol=0.01)
    color = np.array([c.color_srgb[:3] for c in made.data.color_attributes["Color"].data])
    wanted = (corners.mean(axis=1) * 0.5 + 0.5).repeat(4, axis=0)
    assert np.abs(color - wanted).max() < 0.03
    bpy.ops.ed.undo()
    assert "POINTS" not in [thing.sa3d.kind for thing in bpy.data.objects]


@pytest.fixture
def prompted(nerf: bpy.types.Object) -> bpy.types.Object:
    api.add_prompt(nerf, x=100, y=120, object_name="mug")
    nerf.sa3d.nerf.objects["mug"].color = (1, 0, 0.5)
    return nerf


def run_until_points(nerf: bpy.types.Object) -> session.Job[object]:
    job = api.segment(nerf, wait=False)
    until(coarse_preview.shown, session.pump, coarse_preview.tick)
    return job


def test_a_run_shows_its_object_in_its_color_and_more_of_it_later(
    prompted: bpy.types.Object, fake: Fake, contents: Contents
) -> None:
    fake("slow")
    before = contents()
    run_until_points(prompted)
    ((frame, drawn, tint),) = coarse_preview.shown()
    assert frame == prompted
    assert len(drawn.cloud.points) == 100
    assert np.allclose(tint, (1, 0, 0.5, coarse_preview.TINT))
    assert contents() == before
    more = lambda: (s := coarse_preview.shown()) and len(s[0][1].cloud.points) == 800  # noqa: E731
    until(more, session.pump, coarse_preview.tick)
    until(lambda: not session.running(), session.pump)
    assert coarse_preview.shown() == []
    coarse_preview.tick()
    assert not coarse_preview.coarse.drawn


@pytest.mark.parametrize("end", ["cancel", "crash", "delete", "open", "stop"])
def test_however_a_run_ends_its_points_are_gone(
    prompted: bpy.types.Object, fake: Fake, end: str
) -> None:
    fake(f"slow {end}")
    job = run_until_points(prompted)
    if end == "cancel":
        api.cancel()
    elif end == "delete":
        bpy.data.objects.remove(prompted)
        assert coarse_preview.shown() == []
    elif end == "open":
        bpy.ops.wm.read_homefile(use_factory_startup=True)
    elif end == "stop":
        api.stop_engine()
    if job.state == "running":
        with pytest.raises((UserError, Cancelled)):
            session.wait(job)
    assert coarse_preview.shown() == []
    coarse_preview.tick()
    assert not coarse_preview.coarse.drawn


def rest() -> None:
    """The camera has rested for long enough."""
    following.changed_at = -1e9


def settle() -> viewport_preview.Picture:
    """Tick until the camera's whole picture is there."""
    bpy.context.view_layer.update()

    def tick() -> None:
        viewport_preview.tick()
        rest()

    def whole() -> bool:
        picture = following.picture
        return bool(picture and picture.pixels is None and following.steps is None)

    tick()
    until(lambda: whole() and following.picture.question == following.question, tick)
    viewport_preview.tick()
    assert following.steps is None, "nothing is asked while nothing changes"
    assert following.picture is not None
    return following.picture


def test_the_camera_is_followed_coarsely_and_then_exactly(nerf: bpy.types.Object) -> None:
    camera = bpy.context.scene.camera
    api.follow_camera()
    until(lambda: following.picture, viewport_preview.tick)
    assert following.picture.side < 320, "a moving camera gets a small picture"
    assert camera.sa3d.view is None
    sides = []
    while following.picture.pixels is not None:
        sides.append(following.picture.side)
        rest()
        viewport_preview.tick()
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
        viewport_preview.tick()
        assert len(asked) <= 1 + step / 2, "changes meanwhile are not queued"
    settle()
    newest = viewport_preview.field_camera(bpy.context.scene, camera, nerf)
    assert np.allclose(asked[-1]["transform_matrix"], newest.field_from_camera, atol=1e-6)


def test_clicks_and_jobs_come_first(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    api.follow_camera()
    until(lambda: following.steps, viewport_preview.tick)
    api.render_view(nerf)
    assert bpy.context.scene.camera.sa3d.view is not None
    job = api.render_view(nerf, wait=False)
    viewport_preview.tick()
    viewport_preview.tick()
    assert following.steps is None, "nothing is asked while a job runs"
    session.wait(job)
    settle()


def test_it_stops_with_whatever_it_needs(nerf: bpy.types.Object) -> None:
    api.follow_camera()
    settle()
    bpy.ops.sa3d.follow_camera()
    assert not following.on
    api.follow_camera()
    api.stop_engine()
    assert viewport_preview.tick() is None
    assert not following.on
    assert "The engine ended" in following.message
    assert session.current.engine is None, "nothing starts it again"
    api.follow_camera()
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert not following.on


def test_what_was_unloaded_is_not_loaded_again_for_the_viewport(nerf: bpy.types.Object) -> None:
    api.follow_camera()
    api.unload()
    assert not following.on
    for _ in range(20):
        point_proxy.tick()
    assert not session.current.engine.busy
    api.render_view(nerf, wait=False)
    point_proxy.tick()
    session.wait(session.current.job)
    assert fetch_points(nerf).level == len(point_proxy.LEVELS)


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
    assert viewport_preview.tick() is None
    assert "is not a perspective camera" in following.message
    assert not following.on


def test_without_a_nerf_nothing_is_asked(nerf: bpy.types.Object) -> None:
    api.follow_camera()
    bpy.data.objects.remove(nerf)
    for _ in range(5):
        viewport_preview.tick()
    assert not session.current.engine.busy


def test_masks_wait_for_the_camera_to_rest(nerf: bpy.types.Object) -> None:
    api.follow_camera()
    live_masks.show()
    viewport_preview.tick()
    assert viewport_preview.is_moving()
    live_masks.tick()
    assert live_masks.live.asking is None
    rest()
    live_masks.tick()
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
            viewport_preview.tick()
            longest_hold = max(longest_hold, time.thread_time() - began)
            rest()
        following.picture = None
        return longest_hold

    never_held(longest)
