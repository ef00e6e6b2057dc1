"""Masks follow the prompts, whatever moves, removes or takes them back."""

from __future__ import annotations

import time
from collections.abc import Callable

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import live_masks, prompts
from bl_ext.user_default.sa3d_blender.blender.engine_link import askers, session
from bl_ext.user_default.sa3d_blender.core.errors import UserError

live = live_masks.live
Fake = Callable[[str], None]


@pytest.fixture(autouse=True)
def _masks(nerf: bpy.types.Object) -> None:
    live_masks.forget()
    live_masks.show()
    settle()


def settle() -> None:
    """Tick until nothing is under way."""
    bpy.context.view_layer.update()
    live_masks.touch()
    end = time.monotonic() + 20
    while live_masks.asker.turn() is not None:
        assert time.monotonic() < end
        time.sleep(0.002)


def centers() -> dict[str, tuple[int, int]]:
    """Column and row of the middle of each object's best mask, by the object's name."""
    settle()
    entries = bpy.context.scene.sa3d.nerf.sa3d.nerf.objects
    found = {}
    for entry in entries:
        if entry.key in live.answers:
            rows, columns = np.nonzero(live.answers[entry.key].masks[0])
            found[entry.name] = (round(columns.mean() + 0.5), round(rows.mean() + 0.5))
    return found


def test_the_picture_is_made_ready_before_the_first_click() -> None:
    assert live.ready
    assert not live.answers


def test_a_click_gives_a_mask_and_a_moved_one_another(nerf: bpy.types.Object) -> None:
    empty = api.add_prompt(nerf, x=100, y=80, object_name="mug")
    assert centers() == {"mug": (100, 80)}
    empty.location.x *= 0.5
    assert centers() == {"mug": (130, 80)}
    bpy.data.objects.remove(empty)
    assert centers() == {}


def test_an_answer_can_be_taken_while_blender_draws(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    bpy.context.view_layer.update()
    live_masks.look_now()
    end = time.monotonic() + 20
    while live.asking is not None:
        live_masks.take_answer()
        assert time.monotonic() < end
        time.sleep(0.002)
    assert len(live.answers) == 1


def test_only_what_changed_is_asked(
    nerf: bpy.types.Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="a")
    settle()
    asked: list[list[str]] = []
    request = type(session.current.engine).request

    def spy(engine: object, method: str, params: dict, **more: object) -> int:
        asked.append([entry["name"] for entry in params["objects"]])
        return request(engine, method, params, **more)

    monkeypatch.setattr(type(session.current.engine), "request", spy)
    api.add_prompt(nerf, x=200, y=80, object_name="b")
    settle()
    nerf.sa3d.nerf.objects["a"].name = "renamed"
    api.next_mask(nerf)
    settle()
    assert asked == [["b"]]


def test_other_settings_keep_the_mask_until_the_new_one_is_there(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    settle()
    (before,) = live.answers.values()
    nerf.sa3d.nerf.view_size = 64
    live_masks.touch()
    live_masks.asker.turn()
    assert not live.ready
    assert list(live.answers.values()) == [before]
    settle()
    assert live.ready
    (after,) = live.answers.values()
    assert after is not before
    bpy.context.scene.camera.location.x += 0.1
    bpy.context.view_layer.update()
    live_masks.asker.turn()
    assert not live.answers, "another picture needs another mask"


def test_what_changes_while_it_is_read_is_asked_about(
    nerf: bpy.types.Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading has Blender evaluate what was done since, such as the camera's deletion."""
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    settle()
    read = live_masks.read_question

    def read_and_lose_the_camera(scene: bpy.types.Scene) -> object:
        monkeypatch.setattr(live_masks, "read_question", read)
        question = read(scene)
        scene.camera = None
        live_masks.touch()
        return question

    monkeypatch.setattr(live_masks, "read_question", read_and_lose_the_camera)
    live_masks.touch()
    end = time.monotonic() + 20
    while live_masks.asker.turn() is not None:
        assert time.monotonic() < end
        time.sleep(0.002)
    assert not live.answers


def test_undo_takes_the_mask_back(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    bpy.ops.ed.undo_push(message="Add Prompt")
    assert centers() == {"mug": (100, 80)}
    bpy.ops.ed.undo()
    assert centers() == {}
    bpy.ops.ed.redo()
    assert centers() == {"mug": (100, 80)}


def test_candidates_go_round_and_start_again_with_a_click(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    assert [api.next_mask(nerf) for _ in range(3)] == [1, 2, 0]
    assert api.next_mask(nerf, step=-1) == 2
    found = prompts.read_prompts(bpy.context.scene, nerf, bpy.context.scene.camera)
    assert found[0].candidate == 2, "a run takes the mask that the artist chose"
    api.add_prompt(nerf, x=110, y=80)
    found = prompts.read_prompts(bpy.context.scene, nerf, bpy.context.scene.camera)
    assert found[0].candidate == 0


def test_a_prompt_on_nothing_says_so_once(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="good")
    api.add_prompt(nerf, x=100, y=2, object_name="bad")
    assert centers() == {"good": (100, 80)}
    assert live_masks.asker.turn() is None, "it is not asked again"


def test_a_box_gives_a_mask_and_comes_back_as_drawn(
    nerf: bpy.types.Object, reload_file: Callable[[], None]
) -> None:
    box = (40.0, 60.0, 140.0, 120.0)
    bpy.context.scene.camera.scale = (0.5, 2, 3)
    bpy.context.view_layer.update()
    api.add_box(nerf, box=(140.0, 120.0, 40.0, 60.0), object_name="mug")
    reload_file()
    nerf = bpy.context.scene.sa3d.nerf
    (found,) = prompts.read_prompts(bpy.context.scene, nerf, bpy.context.scene.camera)
    assert np.allclose(found.box, box, atol=0.05)
    live_masks.show()
    assert centers() == {"mug": (90, 90)}


def test_a_box_may_hang_over_the_edge_but_not_be_nothing(nerf: bpy.types.Object) -> None:
    api.add_box(nerf, box=(-50, 100, 60, 500), object_name="mug")
    (found,) = prompts.read_prompts(bpy.context.scene, nerf, bpy.context.scene.camera)
    assert np.allclose(found.box, (0, 100, 60, 240), atol=0.05)
    for nothing in ((10, 10, 10.5, 50), (400, 10, 500, 50)):
        with pytest.raises(UserError, match="too small or outside"):
            api.add_box(nerf, box=nothing, object_name="other")
    assert [entry.name for entry in nerf.sa3d.nerf.objects] == ["mug"]


def test_a_second_box_replaces_the_first(nerf: bpy.types.Object) -> None:
    api.add_box(nerf, box=(10, 10, 50, 50))
    api.add_prompt(nerf, x=100, y=100)
    api.add_box(nerf, box=(60, 60, 120, 120))
    (found,) = prompts.read_prompts(bpy.context.scene, nerf, bpy.context.scene.camera)
    assert np.allclose(found.box, (60, 60, 120, 120), atol=0.05)
    assert len(found.points) == 1
    assert api.remove_last_prompt(nerf)
    assert api.remove_last_prompt(nerf)
    assert not api.remove_last_prompt(nerf)


def test_nothing_is_asked_while_a_job_runs(nerf: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    job = api.segment(nerf, wait=False)
    live_masks.show()
    assert live_masks.asker.turn() == askers.PATIENT
    assert live.asking is None
    session.wait(job)
    assert centers() == {"mug": (100, 80)}


def test_a_dead_engine_is_not_started_again_and_again(nerf: bpy.types.Object, fake: Fake) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    assert centers()
    session.stop_engine()
    assert centers() == {}
    assert not live.wanted
    assert session.current.engine is None
    live_masks.show()
    assert centers() == {"mug": (100, 80)}


def test_another_file_forgets_them(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    settle()
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert not live.answers
    assert live_masks.asker.turn() is None
