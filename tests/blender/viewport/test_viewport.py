"""What the viewport shows of a NeRF: points of the whole, and of a run's objects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.viewport import (
    coarse_preview,
    point_proxy,
    viewport_preview,
)
from bl_ext.user_default.sa3d_blender.blender.viewport.mesh_shader import DrawnMesh
from bl_ext.user_default.sa3d_blender.core.errors import Cancelled, UserError

from tests.support.waiting import until

Fake = Callable[[str], None]
Contents = Callable[[], dict[str, list[str]]]


@pytest.fixture(autouse=True)
def _clean() -> None:
    point_proxy.forget()
    point_proxy.proxies.not_before = 0.0


def proxy_of(nerf: bpy.types.Object) -> point_proxy.Proxy | None:
    return point_proxy.proxies.by_nerf.get(nerf.session_uid)


def fetch_points(nerf: bpy.types.Object) -> point_proxy.Proxy:
    done = len(point_proxy.LEVELS)
    until(lambda: (p := proxy_of(nerf)) and (p.level == done or p.message), point_proxy.asker.turn)
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
    until(lambda: seen.update(shown_points()) or 30_000 in seen, point_proxy.asker.turn)
    assert seen == {8_000, 30_000}, "few at once, then more"
    ((frame, _),) = point_proxy.shown(bpy.context.scene)
    assert frame == nerf
    assert contents() == before
    bpy.ops.ed.undo_push(message="Something")
    bpy.ops.ed.undo()
    assert shown_points() == [30_000], "an undo of something else leaves them"


def test_the_panel_says_that_points_are_coming(nerf: bpy.types.Object) -> None:
    assert point_proxy.notice(nerf) == point_proxy.ON_THEIR_WAY
    nerf.sa3d.nerf.show_points = False
    assert point_proxy.notice(nerf) == ""
    nerf.sa3d.nerf.show_points = True
    fetch_points(nerf)
    assert point_proxy.notice(nerf) == ""


def test_points_can_be_hidden_and_go_with_the_nerf(nerf: bpy.types.Object) -> None:
    fetch_points(nerf)
    nerf.sa3d.nerf.show_points = False
    assert shown_points() == []
    nerf.sa3d.nerf.show_points = True
    assert shown_points() == [30_000]
    bpy.data.objects.remove(nerf)
    assert shown_points() == []
    point_proxy.asker.turn()
    assert not point_proxy.proxies.by_nerf


def test_hidden_points_are_not_fetched(nerf: bpy.types.Object) -> None:
    nerf.sa3d.nerf.show_points = False
    for _ in range(20):
        assert point_proxy.asker.turn() == point_proxy.IDLE
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
        point_proxy.asker.turn()
    assert shown_points() == [], "they would be those of another training"


def test_a_job_does_not_wait_for_points(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    session.start_engine()
    until(lambda: session.current.engine.busy, point_proxy.asker.turn)
    api.render_view(nerf)
    until(lambda: point_proxy.asker.steps is None, point_proxy.asker.turn)
    assert shown_points() == [], "they made way"
    point_proxy.proxies.not_before = 0.0
    fetch_points(nerf)
    assert shown_points() == [30_000], "they come when the job is done"


def test_a_field_without_points_is_asked_once(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("no_points")
    session.start_engine()
    assert fetch_points(nerf).message == "The NeRF is all fog."
    assert point_proxy.notice(nerf) == "The NeRF is all fog."
    assert point_proxy.asker.turn() == point_proxy.IDLE
    assert not session.current.engine.busy


def test_what_was_unloaded_is_not_loaded_again_for_the_viewport(nerf: bpy.types.Object) -> None:
    api.follow_camera()
    api.unload()
    assert not viewport_preview.following.on
    for _ in range(20):
        point_proxy.asker.turn()
    assert not session.current.engine.busy
    api.render_view(nerf, wait=False)
    point_proxy.asker.turn()
    session.wait(session.current.job)
    assert fetch_points(nerf).level == len(point_proxy.LEVELS)


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
    until(coarse_preview.shown, session.pump, coarse_preview.asker.turn)
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
    until(more, session.pump, coarse_preview.asker.turn)
    first = lambda: (s := coarse_preview.shown()) and isinstance(s[0][1], DrawnMesh)  # noqa: E731
    until(first, session.pump, coarse_preview.asker.turn)
    ((_, drawn, tint),) = coarse_preview.shown()
    assert len(drawn.mesh.faces) > 50
    assert np.allclose(tint, (1, 0, 0.5, coarse_preview.MESH_TINT))
    assert contents() == before, "nothing is in the scene until the result is there"
    until(lambda: not session.running(), session.pump)
    assert coarse_preview.shown() == []
    coarse_preview.asker.turn()
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
    coarse_preview.asker.turn()
    assert not coarse_preview.coarse.drawn
