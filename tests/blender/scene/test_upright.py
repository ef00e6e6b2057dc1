"""A forward-facing NeRF is stood upright, and what looks at it goes on seeing the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking.object_states import (
    ObjectState,
    object_state,
)
from bl_ext.user_default.sa3d_blender.blender.nerf.nerf import field_from_world
from bl_ext.user_default.sa3d_blender.blender.scene import upright
from bl_ext.user_default.sa3d_blender.core.errors import UserError
from mathutils import Euler, Matrix

from tests.support.camera_files import some_cameras, write_transforms


@pytest.fixture
def lying(fake: Callable[[str], None], checkpoint: Path) -> bpy.types.Object:
    """A forward-facing NeRF as it comes, but moved and scaled."""
    fake("forward")
    nerf = api.load_nerf(checkpoint)
    nerf.location, nerf.scale = (4, -5, 6), (3, 3, 3)
    bpy.context.view_layer.update()
    return nerf


def seen_from(nerf: bpy.types.Object, *things: bpy.types.Object) -> np.ndarray:
    """Where things are in the NeRF's frame, as Blender evaluates them."""
    bpy.context.view_layer.update()
    depsgraph = bpy.context.evaluated_depsgraph_get()
    world = [np.array(thing.evaluated_get(depsgraph).matrix_world) for thing in things]
    return np.stack([field_from_world(nerf) @ matrix for matrix in world])


def free_camera() -> bpy.types.Object:
    """An artist's own camera, through which the NeRF was rendered; it hangs on a rig."""
    rig = bpy.data.objects.new("Rig", None)
    bpy.context.scene.collection.objects.link(rig)
    rig.rotation_euler = (0.3, 0.2, 1.0)
    camera = bpy.context.scene.camera
    camera.parent = rig
    camera.location, camera.scale = (2, 1, 4), (2, 2, 2)
    return camera


def assert_upright(nerf: bpy.types.Object) -> None:
    """Its Y axis is the world's Z; place and scale are as before."""
    bpy.context.view_layer.update()
    place, _turn, scale = nerf.matrix_world.decompose()
    assert np.allclose(nerf.matrix_world.col[1].xyz.normalized(), (0, 0, 1), atol=1e-5)
    assert np.allclose(place, (4, -5, 6), atol=1e-5)
    assert np.allclose(scale, (3, 3, 3), atol=1e-5)


@pytest.mark.parametrize("whose", ["added", "training", "free"])
def test_the_active_camera_sees_the_same_and_up_is_up(
    lying: bpy.types.Object, whose: str, tmp_path: Path
) -> None:
    scene = bpy.context.scene
    if whose == "added":
        api.add_camera(lying)
    elif whose == "training":
        file = write_transforms(tmp_path / "transforms.json", some_cameras(3))
        scene.camera = api.load_training_cameras(file, lying)[1]
    else:
        scene.camera = free_camera()
        api.render_view(lying)
    assert lying.sa3d.nerf.title == "Fake NeRF · forward-facing"
    before = seen_from(lying, scene.camera)
    moved = api.stand_upright()
    assert moved == ([] if whose == "training" else [scene.camera])
    assert_upright(lying)
    assert np.allclose(lying.matrix_world.col[0].xyz, (3, 0, 0), atol=1e-5), "about X"
    assert np.allclose(seen_from(lying, scene.camera), before, atol=1e-4)


def test_prompts_and_results_follow(lying: bpy.types.Object) -> None:
    first = api.add_camera(lying)
    second = bpy.data.objects.new("Second", first.data.copy())
    bpy.context.scene.collection.objects.link(second)
    second.matrix_world = first.matrix_world @ Matrix.Translation((0.5, 0, 0))
    prompts = [
        api.add_prompt(lying, x=150, y=70, object_name="mug", camera=camera)
        for camera in (first, second)
    ]
    (mesh,) = api.segment(lying)
    before = seen_from(lying, first, second, *prompts, mesh)
    assert set(api.stand_upright(lying)) == {first, second}
    assert np.allclose(seen_from(lying, first, second, *prompts, mesh), before, atol=1e-4)
    assert object_state(lying.sa3d.nerf.objects["mug"]) is ObjectState.done


def test_a_camera_that_never_saw_the_nerf_stays(lying: bpy.types.Object) -> None:
    camera = bpy.context.scene.camera
    before = camera.matrix_world.copy()
    assert api.stand_upright() == []
    bpy.context.view_layer.update()
    assert camera.matrix_world == before


def test_it_is_one_undo_step(lying: bpy.types.Object) -> None:
    name, camera = lying.name, api.add_camera(lying).name
    bpy.ops.ed.undo_push(message="Camera")
    before = [bpy.data.objects[n].matrix_world.copy() for n in (name, camera)]
    assert bpy.ops.sa3d.stand_upright("EXEC_DEFAULT", True) == {"FINISHED"}
    assert bpy.data.objects[name].matrix_world != before[0]
    bpy.ops.ed.undo()
    bpy.context.view_layer.update()
    assert [bpy.data.objects[n].matrix_world for n in (name, camera)] == before


@pytest.mark.parametrize("turn", [(0, 0, 1.2), (3.1, 0.2, 0.4), (-np.pi / 2, 0, 0)])
def test_however_it_lies_it_is_stood_upright_once(
    lying: bpy.types.Object, turn: tuple[float, float, float]
) -> None:
    lying.rotation_euler = Euler(turn)
    bpy.context.view_layer.update()
    assert bpy.ops.sa3d.stand_upright.poll()
    api.stand_upright()
    assert_upright(lying)
    assert not bpy.ops.sa3d.stand_upright.poll()
    with pytest.raises(UserError, match="stands upright already"):
        api.stand_upright()


def test_what_the_artist_turned_or_is_bounded_is_left_alone(
    lying: bpy.types.Object, fake: Callable[[str], None], checkpoint: Path
) -> None:
    lying.rotation_euler = (np.radians(80), 0, 0)
    bpy.context.view_layer.update()
    assert not bpy.ops.sa3d.stand_upright.poll(), "upright, but for a tilt"
    fake("")
    api.load_nerf(checkpoint)
    assert not bpy.ops.sa3d.stand_upright.poll(), "bounded"


@pytest.mark.parametrize("what", ["nerf", "camera"])
def test_what_would_not_stay_is_refused(lying: bpy.types.Object, what: str) -> None:
    camera = bpy.context.scene.camera
    api.render_view(lying)
    camera.keyframe_insert("location", frame=1)
    if what == "nerf":
        lying.constraints.new("COPY_ROTATION")
    before = lying.matrix_world.copy()
    cure = "turn it by hand" if what == "nerf" else "make it a child of"
    with pytest.raises(UserError, match=cure):
        api.stand_upright(lying)
    assert lying.matrix_world == before
    if what == "camera":
        camera.parent = lying
        assert api.stand_upright(lying) == []
        assert_upright(lying)


def test_a_file_of_before_still_knows_which_side_is_up(
    lying: bpy.types.Object, reload_file: Callable[[], None]
) -> None:
    lying.sa3d.nerf.family, lying.sa3d.nerf.found_scene = "dvgo, forward facing", ""
    reload_file()
    nerf = bpy.context.scene.sa3d.nerf
    assert nerf.sa3d.nerf.family == "dvgo"
    assert upright.lies_on_its_side(nerf)
