"""Training cameras in the scene: where they stand, what they see, and the runs that use them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.nerf import views
from bl_ext.user_default.sa3d_blender.core.cameras import Camera
from bl_ext.user_default.sa3d_blender.core.errors import UserError

from tests.support.camera_files import some_cameras, write_poses_bounds, write_transforms

Contents = Callable[[], dict[str, list[str]]]
POINTS = np.array([[0.2, 0.1, -3.0], [0.4, -0.3, -5.0], [-0.5, 0.6, -4.0]])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Fourteen cameras with a lens off centre, under a name that asks for trouble."""
    cameras = [off_centre(camera) for camera in some_cameras(14)]
    return write_transforms(tmp_path / "Kameras ä 猫.json", cameras)


def off_centre(camera: Camera) -> Camera:
    """Another principal point, and pixels that are not square."""
    return Camera(80, 60, 70.5, 66.0, 43, 26, camera.field_from_camera)


def assert_sees_the_same(seen: Sequence[bpy.types.Object], cameras: Sequence[Camera]) -> None:
    """Through each camera object, field-frame points fall on the pixels of the training camera."""
    scene = bpy.context.scene
    nerf = scene.sa3d.nerf
    bpy.context.view_layer.update()
    assert len(seen) == len(cameras)
    for thing, camera in zip(seen, cameras, strict=True):
        found = views.field_camera(scene, thing, nerf)
        assert (found.width, found.height) == (camera.width, camera.height)
        assert np.abs(found.project(POINTS) - camera.project(POINTS)).max() < 0.02


def test_camera_objects_are_the_training_cameras(nerf: bpy.types.Object, file: Path) -> None:
    nerf.location, nerf.scale = (4, 5, 6), (3, 3, 3)
    nerf.rotation_euler = (0.3, 0.4, 0.5)
    made = api.load_training_cameras(file, nerf)
    assert_sees_the_same(made, [off_centre(camera) for camera in some_cameras(14)])
    assert {camera.users_collection[0].name for camera in made} == {f"{nerf.name} Training Cameras"}
    assert made[3].name == "bild 003"
    assert all(camera.parent == nerf for camera in made)
    assert nerf.sa3d.nerf.training_file == str(file)
    assert nerf.sa3d.nerf.training_count == 14


def test_the_scenes_resolution_may_stay(nerf: bpy.types.Object, file: Path) -> None:
    render = bpy.context.scene.render
    api.load_training_cameras(file, nerf, use_resolution=False)
    assert (render.resolution_x, render.resolution_y) == (320, 240)
    api.load_training_cameras(file, nerf)
    assert (render.resolution_x, render.resolution_y) == (80, 60)


def test_one_undo_removes_them(nerf: bpy.types.Object, file: Path, contents: Contents) -> None:
    bpy.ops.ed.undo_push(message="Camera")
    before, name = contents(), nerf.name
    api.load_training_cameras(file, nerf)
    assert contents() != before
    bpy.ops.ed.undo()
    assert contents() == before
    assert bpy.data.objects[name].sa3d.nerf.training_file == ""
    assert bpy.context.scene.render.resolution_x == 320


def test_another_file_replaces_them(nerf: bpy.types.Object, file: Path, tmp_path: Path) -> None:
    first = api.load_training_cameras(file, nerf)
    bpy.context.scene.camera = first[2]
    cameras, objects = len(bpy.data.cameras), len(bpy.data.objects)
    second = api.load_training_cameras(file, nerf)
    assert (len(bpy.data.cameras), len(bpy.data.objects)) == (cameras, objects)
    assert bpy.context.scene.camera == second[2]
    third = api.load_training_cameras(write_poses_bounds(tmp_path / "p.npy", some_cameras(3)), nerf)
    assert bpy.context.scene.camera in third
    assert len(bpy.data.cameras) == cameras - 11


def test_the_artists_own_things_among_them_stay(nerf: bpy.types.Object, file: Path) -> None:
    made = api.load_training_cameras(file, nerf)
    own = bpy.data.objects.new("Own", bpy.data.cameras.new("Own"))
    made[0].users_collection[0].objects.link(own)
    api.load_training_cameras(file, nerf)
    assert bpy.data.objects["Own"].data.name == "Own"


def test_runs_choose_views_among_them(nerf: bpy.types.Object, file: Path, tmp_path: Path) -> None:
    api.add_prompt(nerf, x=160, y=120, object_name="mug")
    api.segment(nerf, out=tmp_path / "ohne")
    assert "training_cameras" not in json.loads((tmp_path / "ohne" / "request.json").read_text())
    api.load_training_cameras(file, nerf)
    api.segment(nerf, out=tmp_path / "mit")
    sent = json.loads((tmp_path / "mit" / "request.json").read_text(encoding="utf-8"))
    assert sent["training_cameras"] == str(file)


def test_they_survive_saving(
    nerf: bpy.types.Object, file: Path, reload_file: Callable[[], None]
) -> None:
    api.load_training_cameras(file, nerf)
    reload_file()
    again = bpy.context.scene.sa3d.nerf
    assert again.sa3d.nerf.training_file == str(file)
    made = list(again.sa3d.nerf.training.objects)
    assert_sees_the_same(made, [off_centre(camera) for camera in some_cameras(14)])


def test_they_tell_the_lens_of_a_forward_facing_nerf(
    nerf: bpy.types.Object, file: Path, fake: Callable[[str], None]
) -> None:
    fake("forward")
    api.load_training_cameras(file, nerf)
    facts = nerf.sa3d.nerf
    assert (facts.ndc_focal, facts.ndc_aspect) == (1.25, 1.5)
    assert tuple(facts.box_max) == (2, 2, -2)
    (box,) = [child for child in nerf.children if child.sa3d.kind == "BOX"]
    assert tuple(box.location) == (0, 0, -4)
    assert tuple(box.scale) == (2, 2, 2)


def test_very_many_cameras_are_shown_in_part(nerf: bpy.types.Object, tmp_path: Path) -> None:
    path = write_poses_bounds(tmp_path / "p.npy", some_cameras(650))
    made = api.load_training_cameras(path, nerf)
    assert len(made) == 300
    assert nerf.sa3d.nerf.training_count == 650
    assert int(made[-1].name) > 640


def test_the_operator_does_the_same(nerf: bpy.types.Object, file: Path) -> None:
    assert bpy.ops.sa3d.load_training_cameras(filepath=str(file)) == {"FINISHED"}
    assert len(nerf.sa3d.nerf.training.objects) == 14


@pytest.mark.parametrize("content", [None, "{", '{"frames": []}'])
def test_a_file_that_cannot_be_used_changes_nothing(
    nerf: bpy.types.Object, tmp_path: Path, contents: Contents, content: str | None
) -> None:
    before = contents()
    path = tmp_path / "t.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match="choose a"):
        api.load_training_cameras(path, nerf)
    with pytest.raises(RuntimeError, match="choose a"):
        bpy.ops.sa3d.load_training_cameras(filepath=str(path))
    assert contents() == before
    assert nerf.sa3d.nerf.training_file == ""


def test_a_nerf_is_needed(file: Path) -> None:
    assert not bpy.ops.sa3d.load_training_cameras.poll()
    with pytest.raises(UserError, match="no NeRF"):
        api.load_training_cameras(file)


def test_a_checkpoint_that_brings_its_cameras_needs_no_file(
    nerf: bpy.types.Object, file: Path
) -> None:
    assert not bpy.ops.sa3d.add_own_cameras.poll()  # TensoRF brings none
    own = file.rename(file.with_suffix(".ckpt"))
    nerf.sa3d.nerf.checkpoint = str(own)
    assert bpy.ops.sa3d.add_own_cameras() == {"FINISHED"}
    assert nerf.sa3d.nerf.training_count == 14
    assert nerf.sa3d.nerf.training_file == str(own)
