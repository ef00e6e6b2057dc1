"""Prompts from a second camera refine the same object."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import live_masks, second_camera
from bl_ext.user_default.sa3d_blender.blender.clicking.live_question import read_question
from bl_ext.user_default.sa3d_blender.blender.nerf import views
from bl_ext.user_default.sa3d_blender.core.errors import UserError


@pytest.fixture
def cameras(nerf: bpy.types.Object) -> tuple[bpy.types.Object, bpy.types.Object]:
    """Two cameras; the second is active."""
    first = bpy.context.scene.camera
    second = api.add_camera(nerf)
    second.location.z += 1
    bpy.context.view_layer.update()
    return first, second


def request_of(nerf: bpy.types.Object) -> dict[str, Any]:
    """What the engine was asked last."""
    folder = Path(nerf.sa3d.nerf.result).parent
    return json.loads((folder / "request.json").read_text(encoding="utf-8"))


def test_the_run_is_given_the_prompts_of_every_camera(
    nerf: bpy.types.Object,
    cameras: tuple[bpy.types.Object, bpy.types.Object],
    reload_file: Callable[[], None],
) -> None:
    first, second = cameras
    api.add_prompt(nerf, x=100, y=80, object_name="mug", camera=first)
    api.add_prompt(nerf, x=50, y=60, label="NEGATIVE", object_name="mug", camera=second)
    api.add_prompt(nerf, x=200, y=90, object_name="box", camera=second)
    wanted = [views.field_camera(bpy.context.scene, c, nerf).to_json() for c in cameras]
    reload_file()
    nerf = bpy.context.scene.sa3d.nerf
    assert {thing.name for thing in api.segment(nerf)} == {"mug", "box"}
    asked = request_of(nerf)
    (more,) = asked["more_views"]
    assert np.allclose(asked["camera"]["transform_matrix"], wanted[0]["transform_matrix"])
    assert np.allclose(more["camera"]["transform_matrix"], wanted[1]["transform_matrix"])
    assert [entry["name"] for entry in asked["objects"]] == ["mug"]
    assert {entry["name"]: entry["labels"] for entry in more["objects"]} == {
        "mug": [0],
        "box": [1],
    }


def test_one_object_of_several_can_be_run(
    nerf: bpy.types.Object, cameras: tuple[bpy.types.Object, bpy.types.Object]
) -> None:
    for name, camera in zip(("mug", "box"), cameras, strict=True):
        api.add_prompt(nerf, x=100, y=80, object_name=name, camera=camera)
    assert [thing.name for thing in api.segment(nerf, object_name="box")] == ["box"]
    assert nerf.sa3d.nerf.objects["mug"].result is None
    with pytest.raises(UserError, match="no prompt for 'cup'"):
        api.segment(nerf, object_name="cup")


def test_each_camera_shows_the_mask_of_its_own_prompts(
    nerf: bpy.types.Object, cameras: tuple[bpy.types.Object, bpy.types.Object]
) -> None:
    first, second = cameras
    api.add_prompt(nerf, x=100, y=80, object_name="mug", camera=first)
    scene = bpy.context.scene
    assert not read_question(scene)[0].objects
    api.add_prompt(nerf, x=50, y=60, label="NEGATIVE", camera=second)
    assert not read_question(scene)[0].objects
    assert not live_masks.live.message, "what it is not is enough in the second picture"
    api.add_prompt(nerf, x=40, y=30, camera=second)
    (prompt,) = read_question(scene)[0].objects.values()
    assert np.allclose(prompt["points"], [(50, 60), (40, 30)], atol=0.05)
    scene.camera = first
    (prompt,) = read_question(scene)[0].objects.values()
    assert np.allclose(prompt["points"], [(100, 80)], atol=0.05)


def test_the_other_mask_is_chosen_for_one_camera_only(
    nerf: bpy.types.Object, cameras: tuple[bpy.types.Object, bpy.types.Object]
) -> None:
    for camera in cameras:
        api.add_prompt(nerf, x=100, y=80, object_name="mug", camera=camera)
    assert api.next_mask(nerf) == 1
    entry = nerf.sa3d.nerf.objects["mug"]
    assert [second_camera.candidate(entry, camera, 3) for camera in cameras] == [0, 1]


def test_a_camera_that_is_gone_takes_its_prompts_along(
    nerf: bpy.types.Object, cameras: tuple[bpy.types.Object, bpy.types.Object]
) -> None:
    for camera in cameras:
        api.add_prompt(nerf, x=100, y=80, object_name="mug", camera=camera)
    bpy.data.objects.remove(cameras[0])
    bpy.context.view_layer.update()
    api.segment(nerf)
    assert request_of(nerf)["more_views"] == []


def test_a_new_view_begins_with_what_the_run_found(
    nerf: bpy.types.Object,
    cameras: tuple[bpy.types.Object, bpy.types.Object],
) -> None:
    first, second = cameras
    scene = bpy.context.scene
    api.add_prompt(nerf, x=100, y=80, object_name="mug", camera=first)
    api.segment(nerf)
    entry = nerf.sa3d.nerf.objects["mug"]
    entry.name = "cup"
    question = read_question(scene)[0]
    asked = question.about(entry.key)
    assert asked["objects"] == []
    assert asked["found"] == {"cup": "mug"}, "the name in the result"
    assert asked["result"] == nerf.sa3d.nerf.result
    live_masks.show()
    end = time.monotonic() + 20
    while live_masks.asker.turn() is not None:
        assert time.monotonic() < end
        time.sleep(0.002)
    (mask,) = live_masks.live.answers[entry.key].masks
    assert mask[:, : mask.shape[1] // 2].all()
    assert not mask[:, mask.shape[1] // 2 :].any()
    api.add_prompt(nerf, x=50, y=60, label="NEGATIVE", camera=second)
    asked = read_question(scene)[0].about(entry.key)
    (prompt,) = asked["objects"]
    assert (prompt["labels"], prompt["refines"]) == ([0], True)
    assert asked["found"] == {"cup": "mug"}, "a lone negative corrects what was found"
    scene.camera = first
    asked = read_question(scene)[0].about(entry.key)
    assert "found" not in asked, "here the clicks are all"
    Path(nerf.sa3d.nerf.result).unlink()
    scene.camera = second
    assert not read_question(scene)[0].objects, "and without the run's file there is no mask"


def test_without_its_camera_a_mask_is_gone(
    nerf: bpy.types.Object,
    cameras: tuple[bpy.types.Object, bpy.types.Object],
) -> None:
    first, second = cameras
    api.add_prompt(nerf, x=100, y=80, object_name="mug", camera=first)
    api.segment(nerf)
    live_masks.show()
    settle()
    assert live_masks.live.answers
    bpy.data.objects.remove(second)
    bpy.context.view_layer.update()
    settle()
    assert not live_masks.live.answers


def settle() -> None:
    """Until nothing more is asked about masks."""
    end = time.monotonic() + 20
    while live_masks.asker.turn() is not None:
        assert time.monotonic() < end
        time.sleep(0.002)
