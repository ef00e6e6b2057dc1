"""Prompt empties lie on the clicked pixel, wherever camera and file go."""

from __future__ import annotations

import random
from collections.abc import Callable

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking import prompts
from bl_ext.user_default.sa3d_blender.blender.nerf import views
from bl_ext.user_default.sa3d_blender.blender.viewport import camera_frame
from bl_ext.user_default.sa3d_blender.core.errors import UserError


def pixels(nerf: bpy.types.Object) -> list[tuple[float, float]]:
    """All prompts' pixels in the active camera."""
    scene = bpy.context.scene
    found = prompts.read_prompts(scene, nerf, scene.camera)
    return [point for prompt in found for point in prompt.points]


@pytest.mark.parametrize("seed", range(12))
def test_prompts_come_back_at_their_pixel(
    nerf: bpy.types.Object, seed: int, reload_file: Callable[[], None]
) -> None:
    rng = random.Random(seed)
    scene, camera = bpy.context.scene, bpy.context.scene.camera
    camera.data.shift_x, camera.data.shift_y = rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)
    camera.data.sensor_fit = rng.choice(["AUTO", "HORIZONTAL", "VERTICAL"])
    camera.data.lens = rng.uniform(15, 120)
    scene.render.resolution_x, scene.render.resolution_y = 1920, rng.randint(300, 2500)
    scene.render.pixel_aspect_y = rng.uniform(1, 1.8)
    camera.location = [rng.uniform(-6, 6) for _ in range(3)]
    if seed % 3 == 0:
        camera.scale = (0.5, 2, 3)
    nerf.location, nerf.scale = (1, 1, 1), (0.7, 0.7, 0.7)
    bpy.context.view_layer.update()
    view = views.world_camera(scene, camera)
    clicks = [(rng.uniform(0, view.width), rng.uniform(0, view.height)) for _ in range(4)]
    for number, (x, y) in enumerate(clicks):
        api.add_prompt(nerf, x=x, y=y, label="NEGATIVE" if number == 3 else "POSITIVE")
    assert np.abs(np.array(pixels(nerf)) - clicks).max() < 0.05
    camera.location.x += 1
    camera.rotation_euler.z += 0.3
    assert np.abs(np.array(pixels(nerf)) - clicks).max() < 0.05
    reload_file()
    nerf = bpy.context.scene.sa3d.nerf
    found = prompts.read_prompts(bpy.context.scene, nerf, bpy.context.scene.camera)
    assert np.abs(np.array(found[0].points) - clicks).max() < 0.05
    assert found[0].labels == (1, 1, 1, 0)


def test_the_operator_adds_them_to_the_active_object(nerf: bpy.types.Object) -> None:
    bpy.ops.sa3d.add_object(name="Becher 杯")
    bpy.ops.sa3d.add_prompt(x=10, y=20)
    bpy.ops.sa3d.add_prompt(x=30, y=40, label="NEGATIVE")
    bpy.ops.sa3d.add_object(name="Becher 杯")
    bpy.ops.sa3d.add_prompt(x=50, y=60)
    scene = bpy.context.scene
    first, second = prompts.read_prompts(scene, nerf, scene.camera)
    assert (first.name, first.labels) == ("Becher 杯", (1, 0))
    assert (second.name, second.labels) == ("Becher 杯 2", (1,))
    assert np.allclose(second.points, [(50, 60)], atol=0.05)


def test_renaming_an_object_keeps_its_prompts(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=5, y=5, object_name="mug")
    nerf.sa3d.nerf.objects["mug"].name = "Tasse"
    assert prompts.read_prompts(bpy.context.scene, nerf, bpy.context.scene.camera)[0].name == (
        "Tasse"
    )


def test_a_moved_empty_is_a_moved_prompt(nerf: bpy.types.Object) -> None:
    empty = api.add_prompt(nerf, x=100, y=100)
    before = pixels(nerf)[0]
    empty.location.x *= 0.5
    after = pixels(nerf)[0]
    assert abs(after[0] - (160 + (before[0] - 160) / 2)) < 0.1
    assert abs(after[1] - before[1]) < 0.05


@pytest.mark.parametrize("pixel", [(-1, 5), (321, 5), (5, 240.5)])
def test_outside_the_picture_is_refused(
    nerf: bpy.types.Object,
    pixel: tuple[float, float],
    contents: Callable[[], dict[str, list[str]]],
) -> None:
    before = contents()
    with pytest.raises(UserError, match="outside the 320x240 picture"):
        api.add_prompt(nerf, x=pixel[0], y=pixel[1])
    assert contents() == before
    assert not nerf.sa3d.nerf.objects


def test_prompts_moved_out_of_the_picture_are_refused(nerf: bpy.types.Object) -> None:
    empty = api.add_prompt(nerf, x=100, y=100)
    empty.location.x -= 50
    with pytest.raises(UserError, match="outside the 320x240 picture"):
        api.segment(nerf)
    empty.location.z = 5
    with pytest.raises(UserError, match="behind the camera"):
        api.segment(nerf)


def test_without_a_prompt_the_sentence_says_what_to_do(nerf: bpy.types.Object) -> None:
    with pytest.raises(UserError, match="click on the object"):
        api.segment(nerf)
    api.add_prompt(nerf, x=5, y=5, label="NEGATIVE")
    with pytest.raises(UserError, match="no positive point"):
        api.segment(nerf)


def test_prompts_of_another_camera_are_named(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=5, y=5)
    owner = bpy.context.scene.camera.name
    other = api.add_camera(nerf)
    with pytest.raises(UserError, match=f"make '{owner}' the active camera"):
        api.segment(nerf, other)
    assert api.segment(nerf), "without a camera, the run starts where the prompt is"


def test_names_that_are_no_file_names_are_refused(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=5, y=5, object_name="a/b")
    with pytest.raises(UserError, match="cannot be an object's name"):
        api.segment(nerf)


def test_two_objects_of_one_name_are_refused(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=5, y=5, object_name="a")
    api.add_prompt(nerf, x=9, y=9, object_name="b")
    nerf.sa3d.nerf.objects["b"].name = "a"
    with pytest.raises(UserError, match="same name"):
        api.segment(nerf)


def test_removing(nerf: bpy.types.Object) -> None:
    keep = api.add_prompt(nerf, x=5, y=5, object_name="a")
    bpy.ops.sa3d.remove_prompt(name=api.add_prompt(nerf, x=9, y=9, object_name="b").name)
    assert prompts.prompt_empties(nerf) == [keep]
    with pytest.raises(RuntimeError, match="is not a prompt"):
        bpy.ops.sa3d.remove_prompt(name="Cube")
    bpy.ops.sa3d.remove_object()
    assert [entry.name for entry in nerf.sa3d.nerf.objects] == ["a"]
    bpy.ops.sa3d.clear_prompts()
    assert not prompts.prompt_empties(nerf)


def test_deleting_an_empty_removes_the_prompt(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=5, y=5)
    bpy.data.objects.remove(api.add_prompt(nerf, x=9, y=9))
    assert np.allclose(pixels(nerf), [(5, 5)], atol=0.05)


def test_the_mouse_finds_its_pixel() -> None:
    corners = [(500, 300), (500, 100), (200, 100), (200, 300)]
    assert camera_frame.pixel_from_region(corners, (200, 300), (640, 480)) == (0, 0)
    assert camera_frame.pixel_from_region(corners, (500, 100), (640, 480)) == (640, 480)
    assert camera_frame.pixel_from_region(corners, (350, 250), (640, 480)) == (320, 120)


def test_they_are_not_rendered(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=5, y=5)
    assert nerf.sa3d.nerf.prompts.hide_render
