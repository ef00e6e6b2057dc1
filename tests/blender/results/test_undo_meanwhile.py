"""An undo while something is being brought into the scene must not find half a change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.engine_link.job_steps import MORE, Steps
from bl_ext.user_default.sa3d_blender.blender.nerf.nerf import group
from bl_ext.user_default.sa3d_blender.blender.results.splat_results import (
    build_splats,
    place_splats,
)
from bl_ext.user_default.sa3d_blender.core.errors import UserError

from tests.blender.results.test_splat_results import files_of

Contents = Callable[[], dict[str, list[str]]]


def test_the_scene_does_not_change_while_splats_are_built(
    nerf: bpy.types.Object, tmp_path: Path, contents: Contents
) -> None:
    def scene() -> tuple[list[str], list[str]]:
        there = contents()
        return there["objects"], there["collections"]

    bpy.ops.ed.undo_push(message="Before")
    before, steps = scene(), build_splats([files_of(name, tmp_path, 5) for name in ("mug", "cup")])
    splats = []
    while not splats:
        assert scene() == before
        try:
            next(steps)
        except StopIteration as end:
            splats = end.value
    bpy.data.meshes.remove(splats[1].points.get())  # as an undo does
    with pytest.raises(UserError):
        place_splats(nerf, splats)
    assert scene() == before


def test_what_a_failed_job_changed_is_an_undo_step(nerf: bpy.types.Object) -> None:
    scene = bpy.context.scene

    def steps() -> Steps[None]:
        yield MORE
        group(nerf, "results").objects.link(bpy.data.objects.new("Half", None))
        raise RuntimeError("a fault of ours")

    for place in (1, 2):
        scene.cursor.location.x = place
        bpy.ops.ed.undo_push(message="Cursor")
    with pytest.raises(UserError):
        session.wait(session.start("Failing", steps()))
    assert "Half" in scene.objects
    bpy.ops.ed.undo()
    scene = bpy.context.scene
    assert "Half" not in scene.objects
    assert scene.cursor.location.x == 2, "nothing else was taken back"
