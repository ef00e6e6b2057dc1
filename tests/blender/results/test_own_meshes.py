"""Objects of one list with mesh settings of their own, with the stand-in engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.results.own_meshes import (
    draw_mesh_settings,
    draw_own_mesh,
    draw_usual_size,
)
from bl_ext.user_default.sa3d_blender.core.errors import UserError


@pytest.fixture
def table(nerf: bpy.types.Object) -> bpy.types.Object:
    """A NeRF with two objects that were clicked on; the mug has settings of its own."""
    api.add_prompt(nerf, x=100, y=120, object_name="mug")
    api.add_prompt(nerf, x=220, y=120, object_name="Teller 盘")
    nerf.sa3d.nerf.max_faces = 5000
    own = api.use_own_mesh(nerf, object_name="mug")
    own.max_faces, own.texture = 800, "1024"
    return nerf


def request(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def faces(nerf: bpy.types.Object) -> dict[str, int]:
    return {e.name: len(e.result.data.polygons) for e in nerf.sa3d.nerf.objects}


def test_a_run_carries_them_and_each_mesh_tells_its_own(
    table: bpy.types.Object, tmp_path: Path
) -> None:
    mug, plate = api.segment(table, out=tmp_path)
    asked = request(tmp_path, "request.json")
    assert asked["mesh"]["max_faces"] == 5000
    (name,) = asked["own_meshes"]
    assert name == "mug"
    assert asked["own_meshes"]["mug"] == asked["mesh"] | {"max_faces": 800, "texture": 1024}
    assert json.loads(mug["sa3d_mesh"]) == asked["own_meshes"]["mug"]
    assert json.loads(plate["sa3d_mesh"]) == asked["mesh"]


def test_remeshing_follows_them(table: bpy.types.Object) -> None:
    mug, plate = api.segment(table)
    table.sa3d.nerf.objects["mug"].name = "Becher"
    api.remesh(table)
    counts = faces(table)
    assert 600 < counts["Becher"] <= 800
    assert 4000 < counts["Teller 盘"] <= 5000
    assert json.loads(mug["sa3d_mesh"])["max_faces"] == 800
    assert json.loads(plate["sa3d_mesh"])["max_faces"] == 5000
    assert json.loads(mug["sa3d_prompts"]), "where it came from stays"


def test_they_begin_as_the_nerfs_and_are_remembered(nerf: bpy.types.Object) -> None:
    facts = nerf.sa3d.nerf
    api.add_prompt(nerf, x=100, y=120, object_name="mug")
    facts.resolution, facts.surface.density, facts.surface.texture = 48, 0.5, "2048"
    own = api.use_own_mesh(nerf, object_name="mug")
    assert (own.resolution, own.density, own.texture) == (48, 0.5, "2048")
    own.resolution = 96
    api.use_own_mesh(nerf, object_name="mug", use=False)
    facts.resolution = 64
    assert api.use_own_mesh(nerf, object_name="mug").resolution == 96


def test_switched_off_the_nerfs_count_again(table: bpy.types.Object, tmp_path: Path) -> None:
    api.use_own_mesh(table, object_name="mug", use=False)
    api.segment(table, out=tmp_path)
    assert request(tmp_path, "request.json")["own_meshes"] == {}


def test_the_button_can_be_undone_and_the_file_keeps_them(
    nerf: bpy.types.Object, reload_file: Callable[[], None]
) -> None:
    api.add_prompt(nerf, x=100, y=120, object_name="mug")
    bpy.ops.ed.undo_push(message="Prompt")
    bpy.ops.sa3d.own_mesh("EXEC_DEFAULT", True)
    assert entry().own_mesh.use
    bpy.ops.ed.undo()
    assert not entry().own_mesh.use
    bpy.ops.sa3d.own_mesh()
    entry().own_mesh.max_faces = 1234
    reload_file()
    assert (entry().own_mesh.use, entry().own_mesh.max_faces) == (True, 1234)
    bpy.ops.sa3d.own_mesh(name="mug")
    assert not entry().own_mesh.use


def test_the_panel_shows_the_settings_that_hold(table: bpy.types.Object) -> None:
    facts = table.sa3d.nerf
    first, numbers = ["detail", "smooth", "texture"], ["threshold", "density"]
    for name, size, surface in (
        ("mug", facts.objects["mug"].own_mesh, facts.objects["mug"].own_mesh),
        ("Teller 盘", facts, facts.surface),
    ):
        layout = opened()
        draw_mesh_settings(layout, table, facts.objects[name])
        assert shown(layout) == [
            *((surface, setting) for setting in first),
            *((size, setting) for setting in ("resolution", "max_faces")),
            *((surface, setting) for setting in numbers),
        ]
        (switch,) = layout.row().operator.call_args_list
        assert name in switch.kwargs["text"]
    api.remove_object(table, "mug")
    draw_mesh_settings(opened(), table, None)


def test_a_heading_says_whose_meshes_the_settings_make(table: bpy.types.Object) -> None:
    def heading() -> str:
        layout = opened()
        draw_usual_size(layout, table)
        assert [name for _, name in shown(layout)] == ["detail", "resolution", "max_faces"]
        return layout.label.call_args.kwargs["text"]

    assert heading() == "Mesh of Teller 盘", "the mug has settings of its own"
    api.add_object(table, name="fork")
    assert heading() == "Meshes without Own Settings"
    api.use_own_mesh(table, object_name="mug", use=False)
    assert heading() == "Meshes of All Objects"


def test_beside_one_object_those_of_all_cannot_be_changed(table: bpy.types.Object) -> None:
    layouts = opened(), opened()
    for layout, name in zip(layouts, ("mug", "Teller 盘"), strict=True):
        draw_own_mesh(layout, table.sa3d.nerf.objects[name])
    own, others = map(shown, layouts)
    assert {source for source, _ in own} == {table.sa3d.nerf.objects["mug"].own_mesh}
    assert others == []


def test_the_numbers_are_folded_away_at_first(table: bpy.types.Object) -> None:
    layout = MagicMock()
    layout.panel.return_value = (MagicMock(), None)
    draw_mesh_settings(layout, table, table.sa3d.nerf.objects["mug"])
    assert [name for _, name in shown(layout)] == ["detail", "smooth", "texture"]
    assert layout.panel.call_args.kwargs["default_closed"]


def opened() -> MagicMock:
    """A layout whose folds are open."""
    layout = MagicMock()
    layout.panel.return_value = (MagicMock(), layout)
    return layout


def shown(layout: MagicMock) -> list[Any]:
    """The properties that were drawn, with what they belong to."""
    return [call.args for call in layout.prop.call_args_list]


def entry() -> bpy.types.PropertyGroup:
    """The mug; an undo makes it another."""
    (nerf,) = (thing for thing in bpy.data.objects if thing.sa3d.kind == "NERF")
    return nerf.sa3d.nerf.objects["mug"]


def test_an_object_that_is_not_there_is_one_sentence(nerf: bpy.types.Object) -> None:
    with pytest.raises(UserError, match="no object 'Hut'"):
        api.use_own_mesh(nerf, object_name="Hut")
    assert not bpy.ops.sa3d.own_mesh.poll(), "the list is empty"
