"""Blender's own projection and the camera sent to the engine agree to a tenth of a pixel."""

from __future__ import annotations

import random

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.nerf import views
from bl_ext.user_default.sa3d_blender.blender.nerf.nerf import field_from_world
from bl_ext.user_default.sa3d_blender.core.errors import UserError
from bpy_extras.object_utils import world_to_camera_view
from mathutils import Euler, Matrix, Vector


def random_camera(seed: int, *, square_pixels: bool = False) -> bpy.types.Object:
    """Set up the scene's camera and render settings at random."""
    rng = random.Random(seed)
    scene = bpy.context.scene
    camera = scene.camera
    lens = camera.data
    lens.lens = rng.uniform(12, 150)
    lens.sensor_fit = rng.choice(["AUTO", "HORIZONTAL", "VERTICAL"])
    lens.sensor_width, lens.sensor_height = rng.uniform(8, 60), rng.uniform(8, 60)
    lens.shift_x, lens.shift_y = rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6)
    render = scene.render
    render.resolution_x, render.resolution_y = rng.randint(50, 2500), rng.randint(50, 2500)
    render.resolution_percentage = rng.choice([100, rng.randint(10, 200)])
    aspects = (1.0, 1.0) if square_pixels else (rng.uniform(1, 2), rng.uniform(1, 2))
    render.pixel_aspect_x, render.pixel_aspect_y = aspects
    camera.location = [rng.uniform(-5, 5) for _ in range(3)]
    camera.rotation_euler = [rng.uniform(-3, 3) for _ in range(3)]
    camera.scale = [rng.uniform(0.3, 3)] * 3 if rng.random() < 0.5 else (1, 1, 1)
    bpy.context.view_layer.update()
    return camera


def points_in_front(camera: bpy.types.Object, seed: int) -> np.ndarray:
    """World points that the camera sees, roughly."""
    rng = np.random.default_rng(seed)
    local = rng.uniform((-1, -1, -9), (1, 1, -3), (20, 3))
    rigid = np.array(camera.matrix_world.normalized())
    return local @ rigid[:3, :3].T + rigid[:3, 3]


def blender_pixels(camera: bpy.types.Object, points: np.ndarray) -> np.ndarray:
    """Where Blender's renderers put the points."""
    render = bpy.context.scene.render
    view = views.world_camera(bpy.context.scene, camera)
    projection = camera.calc_matrix_camera(
        bpy.context.evaluated_depsgraph_get(),
        x=view.width,
        y=view.height,
        scale_x=render.pixel_aspect_x,
        scale_y=render.pixel_aspect_y,
    )
    camera_from_world = np.linalg.inv(np.array(camera.matrix_world.normalized(), dtype=float))
    clip_from_world = np.array(projection) @ camera_from_world
    clip = np.c_[points, np.ones(len(points))] @ clip_from_world.T
    ndc = clip[:, :2] / clip[:, 3:]
    return (ndc * (1, -1) + 1) / 2 * (view.width, view.height)


@pytest.mark.parametrize("seed", range(40))
def test_projection_is_blenders(seed: int) -> None:
    camera = random_camera(seed)
    points = points_in_front(camera, seed)
    ours = views.world_camera(bpy.context.scene, camera).project(points)
    assert np.abs(ours - blender_pixels(camera, points)).max() < 0.1


@pytest.mark.parametrize("seed", range(10))
def test_projection_is_that_of_world_to_camera_view(seed: int) -> None:
    camera = random_camera(seed, square_pixels=True)
    camera.scale = (1, 1, 1)
    bpy.context.view_layer.update()
    scene = bpy.context.scene
    points = points_in_front(camera, seed)
    view = views.world_camera(scene, camera)
    shares = np.array([world_to_camera_view(scene, camera, Vector(p))[:2] for p in points])
    theirs = (shares * (1, -1) + (0, 1)) * (view.width, view.height)
    # It rounds the resolution differently, so it is only as good as a pixel of the frame.
    assert np.abs(view.project(points) - theirs).max() < 1.5


def test_the_picture_has_the_renders_size() -> None:
    render = bpy.context.scene.render
    for percentage in (1, 33, 50, 99, 100, 150):
        render.resolution_x, render.resolution_y = 101, 77
        render.resolution_percentage = percentage
        view = views.world_camera(bpy.context.scene, bpy.context.scene.camera)
        assert view.width == max(1, 101 * percentage // 100)
        assert view.height == max(1, 77 * percentage // 100)


def test_the_nerfs_frame_does_not_move_pixels(nerf: bpy.types.Object) -> None:
    scene = bpy.context.scene
    nerf.matrix_world = Matrix.LocRotScale((1, -2, 0.5), Euler((0.3, 1.1, -2)), (2.5, 2.5, 2.5))
    bpy.context.view_layer.update()
    camera = scene.camera
    points = points_in_front(camera, 0)
    field = field_from_world(nerf)
    in_field = points @ field[:3, :3].T + field[:3, 3]
    seen = views.field_camera(scene, camera, nerf).project(in_field)
    assert np.abs(seen - views.world_camera(scene, camera).project(points)).max() < 1e-2


def test_constraints_and_animation_count(nerf: bpy.types.Object) -> None:
    camera = bpy.context.scene.camera
    constraint = camera.constraints.new("TRACK_TO")
    constraint.target = nerf
    lens = camera.data
    lens.lens = 35
    lens.keyframe_insert("lens", frame=1)
    lens.lens = 70
    lens.keyframe_insert("lens", frame=20)
    bpy.context.scene.frame_set(20)
    view = views.world_camera(bpy.context.scene, camera)
    assert view.fl_x == pytest.approx(70 / lens.sensor_width * view.width)
    expected = np.array(nerf.matrix_world.translation) - view.origin
    assert view.forward @ expected / np.linalg.norm(expected) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("kind", ["ORTHO", "PANO"])
def test_other_lenses_are_refused(nerf: bpy.types.Object, kind: str) -> None:
    bpy.context.scene.camera.data.type = kind
    with pytest.raises(UserError, match="not a perspective camera"):
        api.render_view(nerf)
    assert not bpy.ops.sa3d.render_view.poll()


@pytest.mark.parametrize("scale", [(1, 2, 1), (-1, 1, 1), (0, 0, 0)])
def test_a_distorted_nerf_is_refused(
    nerf: bpy.types.Object, scale: tuple[float, float, float]
) -> None:
    nerf.scale = scale
    bpy.context.view_layer.update()
    with pytest.raises(UserError, match="scaled unevenly or mirrored"):
        api.render_view(nerf)


def test_a_scene_without_camera_is_refused(nerf: bpy.types.Object) -> None:
    bpy.context.scene.camera = None
    with pytest.raises(UserError, match="no active camera"):
        api.render_view(nerf)


def test_a_huge_picture_is_refused(nerf: bpy.types.Object) -> None:
    bpy.context.scene.render.resolution_x = 20_000
    with pytest.raises(UserError, match="cannot be rendered"):
        api.render_view(nerf)
