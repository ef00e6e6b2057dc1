"""The list of objects says of each what is to be done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import object_states
from bl_ext.user_default.sa3d_blender.blender.clicking.object_states import (
    ObjectState,
    object_state,
)
from bl_ext.user_default.sa3d_blender.blender.engine_link import session

Fake = Callable[[str], None]


def states(nerf: bpy.types.Object) -> dict[str, ObjectState]:
    """By the object's name."""
    bpy.context.view_layer.update()
    return {entry.name: object_state(entry) for entry in nerf.sa3d.nerf.objects}


@pytest.fixture
def both(nerf: bpy.types.Object) -> bpy.types.Object:
    """A NeRF with two objects with prompts."""
    for number, name in enumerate(("mug", "box")):
        api.add_prompt(nerf, x=100 + 50 * number, y=80, object_name=name)
    return nerf


def test_from_a_click_to_a_result_and_on(
    both: bpy.types.Object, reload_file: Callable[[], None]
) -> None:
    api.add_object(both, "new")
    assert states(both)["new"] == ObjectState.needs_click
    assert object_states.objects_to_run(both) == ["mug", "box"]
    api.segment(both)
    reload_file()
    nerf = bpy.context.scene.sa3d.nerf
    assert states(nerf)["mug"] == states(nerf)["box"] == ObjectState.done
    nerf.location.x += 1
    bpy.context.view_layer.update()
    for camera in (c for c in bpy.data.objects if c.type == "CAMERA"):
        camera.location.x += 1
    assert states(nerf)["mug"] == ObjectState.done, "moved together, nothing changed"
    api.add_prompt(nerf, x=10, y=10, label="NEGATIVE", object_name="mug")
    assert states(nerf)["mug"] == ObjectState.changed
    assert object_states.objects_to_run(nerf) == ["mug"]
    nerf.sa3d.nerf.views = 12
    assert states(nerf)["box"] == ObjectState.changed


def test_one_is_run_and_the_others_stay(both: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    job = api.segment(both, object_name="box", wait=False)
    session.pump()
    assert states(both) == {"mug": ObjectState.ready, "box": ObjectState.running}
    session.wait(job)
    assert states(both) == {"mug": ObjectState.ready, "box": ObjectState.done}
    assert bpy.ops.sa3d.segment_object(name="mug") == {"FINISHED"}
    assert states(both)["mug"] == ObjectState.done
    folder = Path(both.sa3d.nerf.result).parent
    asked = json.loads((folder / "request.json").read_text(encoding="utf-8"))
    assert [entry["name"] for entry in asked["objects"]] == ["mug"]
    assert asked["keep"] == ["box"], "its grid stays in the result's file"


def test_a_run_that_is_cancelled_leaves_them_as_they_were(
    both: bpy.types.Object, fake: Fake
) -> None:
    fake("slow")
    api.segment(both, wait=False)
    session.pump()
    session.stop_engine()
    assert set(states(both).values()) == {ObjectState.ready}


def test_one_undo_takes_state_and_result_back(both: bpy.types.Object) -> None:
    bpy.ops.ed.undo_push(message="Prompts")
    api.segment(both)
    bpy.ops.ed.undo()
    nerf = bpy.context.scene.sa3d.nerf
    assert set(states(nerf).values()) == {ObjectState.ready}
