"""Added cameras: the whole box in sight, from where the viewport looks, each somewhere else."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.nerf import views
from bl_ext.user_default.sa3d_blender.blender.nerf.nerf import box_center, field_from_world
from mathutils import Euler, Quaternion, Vector

from tests.support.camera_files import some_cameras, write_transforms


def corner_pixels(nerf: bpy.types.Object, camera: bpy.types.Object) -> np.ndarray:
    """Where the corners of the box are, in shares of the picture."""
    bpy.context.view_layer.update()
    facts = nerf.sa3d.nerf
    corners = np.array(list(itertools.product(*zip(facts.box_min, facts.box_max, strict=True))))
    view = views.field_camera(bpy.context.scene, camera, nerf)
    return view.project(corners) / (view.width, view.height)


def direction(nerf: bpy.types.Object, camera: bpy.types.Object) -> Vector:
    """From the box's middle to the camera, in the NeRF's frame."""
    bpy.context.view_layer.update()
    place = nerf.matrix_world.inverted() @ camera.matrix_world.translation
    return (place - Vector(box_center(nerf))).normalized()


@pytest.mark.parametrize("size", [(320, 240), (240, 320), (1920, 400)])
@pytest.mark.parametrize("turn", [None, (0.3, 0.2, 2.0), (1.5, 0, 0.7), (0, 0, 0)])
def test_every_corner_of_the_box_is_in_the_picture(
    nerf: bpy.types.Object, size: tuple[int, int], turn: tuple[float, float, float] | None
) -> None:
    render = bpy.context.scene.render
    render.resolution_x, render.resolution_y = size
    nerf.matrix_world = nerf.matrix_world @ Euler((0.1, 0.2, 0.3)).to_matrix().to_4x4()
    nerf.scale = (2, 2, 2)
    bpy.context.view_layer.update()
    camera = api.add_camera(nerf, look=None if turn is None else Euler(turn).to_quaternion())
    shares = corner_pixels(nerf, camera)
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert np.ptp(shares, axis=0).max() > 0.6, "and it fills the picture"


def test_it_looks_from_where_the_viewport_looks(nerf: bpy.types.Object) -> None:
    nerf.rotation_euler = (0, 0, 0.5)
    bpy.context.view_layer.update()
    look = Euler((1.2, 0, 2.5)).to_quaternion()
    camera = api.add_camera(nerf, look=look)
    bpy.context.view_layer.update()
    turned = camera.matrix_world.to_quaternion().rotation_difference(look).angle
    assert min(turned, 2 * np.pi - turned) < 1e-3


def test_further_ones_stand_a_quarter_turn_away(nerf: bpy.types.Object) -> None:
    cameras = [bpy.context.scene.camera, *(api.add_camera(nerf) for _ in range(3))]
    seen = [direction(nerf, camera) for camera in cameras]
    flat = [Vector((one.x, one.y)) for one in seen]
    assert all(abs(a.angle(b) - np.pi / 2) < 1e-3 for a, b in itertools.pairwise(flat))
    assert all(a.angle(b) > 0.5 for a, b in itertools.combinations(seen, 2))
    for _ in range(10):
        api.add_camera(nerf)  # more than there are places, and none fails


def test_a_viewport_that_looks_from_elsewhere_is_obeyed(nerf: bpy.types.Object) -> None:
    look = direction(nerf, bpy.context.scene.camera).to_track_quat("Z", "Y")
    beside = Quaternion((0, 0, 1), 0.5) @ look
    camera = api.add_camera(nerf, look=beside)
    assert direction(nerf, camera).angle(beside @ Vector((0, 0, 1))) < 1e-3


def test_it_is_the_nerfs_child_and_stays_with_it(nerf: bpy.types.Object) -> None:
    camera = bpy.context.scene.camera
    assert camera.parent == nerf
    assert np.allclose(camera.scale, 1, atol=1e-6)
    before = views.field_camera(bpy.context.scene, camera, nerf).field_from_camera
    nerf.location, nerf.scale, nerf.rotation_euler = (3, 4, 5), (3, 3, 3), (0.1, 0.2, 0.3)
    bpy.context.view_layer.update()
    after = views.field_camera(bpy.context.scene, camera, nerf).field_from_camera
    assert np.allclose(before, after, atol=1e-4)
    world = field_from_world(nerf) @ np.array(camera.matrix_world)
    assert np.allclose(world, before, atol=1e-4)


def test_it_has_the_lens_of_the_photographs(nerf: bpy.types.Object, tmp_path: Path) -> None:
    file = write_transforms(tmp_path / "transforms.json", some_cameras(3))
    (trained, *_) = api.load_training_cameras(file, nerf)
    camera = api.add_camera(nerf)
    assert camera.data.lens == pytest.approx(trained.data.lens)
    assert camera.data.sensor_width == pytest.approx(trained.data.sensor_width)
    shares = corner_pixels(nerf, camera)
    assert (shares.min(), shares.max()) >= (0, 0)
    assert shares.max() <= 1


def test_a_forward_facing_one_has_the_lens_that_is_assumed(
    fake: Callable[[str], None], checkpoint: Path
) -> None:
    fake("forward")
    nerf = api.load_nerf(checkpoint)
    first = api.add_camera(nerf)
    assert first.data.lens / first.data.sensor_width * 36 == pytest.approx(29.16)
    nerf.sa3d.nerf.ndc_focal = 2.0
    second = api.add_camera(nerf)
    assert second.data.lens / second.data.sensor_width * 36 == pytest.approx(36)
    assert direction(nerf, first).angle(direction(nerf, second)) > 0.1


def test_one_undo_takes_it_back(nerf: bpy.types.Object) -> None:
    bpy.ops.ed.undo_push(message="Before")
    before = bpy.context.scene.camera.name
    assert bpy.ops.sa3d.add_camera("EXEC_DEFAULT", True) == {"FINISHED"}
    assert bpy.context.scene.camera.name != before
    bpy.ops.ed.undo()
    assert bpy.context.scene.camera.name == before
