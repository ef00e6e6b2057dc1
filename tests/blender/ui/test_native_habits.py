"""What artists know from Blender holds here: F3, redo, menus, selection, Delete, file browsers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.clicking.object_states import (
    ObjectState,
    object_state,
    state_words,
)
from bl_ext.user_default.sa3d_blender.blender.clicking.prompts import prompt_empties
from bl_ext.user_default.sa3d_blender.blender.folders import in_folder
from bl_ext.user_default.sa3d_blender.blender.nerf import chosen
from bl_ext.user_default.sa3d_blender.blender.nerf.views import active_camera
from bl_ext.user_default.sa3d_blender.blender.results import doubts
from bl_ext.user_default.sa3d_blender.blender.ui import (
    click_operators,
    look_operators,
    menus,
    tools,
    workflow,
)
from bl_ext.user_default.sa3d_blender.blender.ui.operators import SA3D_OT_load_nerf

from tests.support.camera_files import some_cameras, write_transforms


class Drawn:
    """A layout that remembers which operators were put into it."""

    def __init__(self) -> None:
        self.operators: list[tuple[str, dict[str, Any], SimpleNamespace]] = []
        self.menus: list[str] = []

    def operator(self, name: str, **options: Any) -> SimpleNamespace:
        properties = SimpleNamespace()
        self.operators.append((name, options, properties))
        return properties

    def operator_menu_enum(self, name: str, _property: str, **options: Any) -> None:
        self.operator(name, **options)

    def menu(self, name: str, **_options: Any) -> None:
        self.menus.append(name)

    def separator(self) -> None:
        """Nothing to remember."""


def draw(menu: Callable[..., None]) -> Drawn:
    layout = Drawn()
    menu(SimpleNamespace(layout=layout), bpy.context)
    return layout


def operators() -> Iterator[Any]:
    for name in dir(bpy.ops.sa3d):
        yield name, getattr(bpy.ops.sa3d, name).get_rna_type()


def options_of(name: str) -> set[str]:
    kind = next(
        kind
        for kind in bpy.types.Operator.__subclasses__()
        if getattr(kind, "bl_idname", "") in (f"sa3d.{name}", f"SA3D_OT_{name}")
    )
    return set(getattr(kind, "bl_options", set()))


def test_f3_finds_every_operator_in_the_menu() -> None:
    """Blender's search goes through the menus."""
    drawn = draw(menus.SA3D_MT_all.draw)
    shown = [name for name, _, _ in drawn.operators]
    assert len(shown) == len(set(shown))
    internal = {name for name, _ in operators() if "INTERNAL" in options_of(name)}
    assert {f"sa3d.{name}" for name, _ in operators()} - set(shown) == {
        f"sa3d.{name}" for name in internal
    }
    texts = [
        options.get("text") or getattr(bpy.ops.sa3d, name.removeprefix("sa3d.")).get_rna_type().name
        for name, options, _ in drawn.operators
    ]
    assert len(set(texts)) == len(texts), "each has a name of its own"
    assert {"Cancel", "Unload", "Import Mesh", "View Log"}.isdisjoint(texts), "what of?"


@pytest.mark.parametrize(
    "name", ["add_camera", "add_prompt", "click", "draw_box", "add_object", "set_origin"]
)
def test_what_makes_something_at_once_can_be_adjusted(name: str) -> None:
    assert {"REGISTER", "UNDO"} <= options_of(name)
    kind = getattr(bpy.ops.sa3d, name).get_rna_type()
    shown = [p for p in kind.properties if not p.is_hidden and p.identifier != "rna_type"]
    assert shown, "the redo panel has something to adjust"


def test_an_adjusted_camera_stands_elsewhere(nerf: bpy.types.Object) -> None:
    bpy.ops.sa3d.add_camera(turn=0.0)
    first = bpy.context.scene.camera.matrix_world.copy()
    bpy.data.objects.remove(bpy.context.scene.camera)
    bpy.ops.sa3d.add_camera(turn=0.4)
    assert bpy.context.scene.camera.matrix_world != first


def test_an_adjusted_click_sets_its_prompt_elsewhere(nerf: bpy.types.Object) -> None:
    assert bpy.ops.sa3d.click(place=(50, 60), label="POSITIVE") == {"FINISHED"}
    assert bpy.ops.sa3d.click(place=(70, 60), label="NEGATIVE") == {"FINISHED"}
    assert bpy.ops.sa3d.draw_box(box=(10, 10, 60, 80)) == {"FINISHED"}
    labels = [empty.sa3d.prompt.label for empty in prompt_empties(nerf)]
    assert sorted(labels) == ["BOX", "NEGATIVE", "POSITIVE"]


def test_a_right_click_on_a_result_offers_what_changes_it(nerf: bpy.types.Object) -> None:
    for name in ("mug", "box"):
        api.add_prompt(nerf, x=100, y=80, object_name=name)
    mug, _ = api.segment(nerf)
    bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]
    assert not draw(look_operators.draw_in_context_menu).menus
    bpy.context.view_layer.objects.active = mug
    assert draw(look_operators.draw_in_context_menu).menus == ["SA3D_MT_result"]
    drawn = draw(look_operators.SA3D_MT_result.draw)
    meant = {name: vars(options).get("name") for name, _, options in drawn.operators}
    for name in ("remesh", "bake_texture", "help_in_view"):
        assert meant[f"sa3d.{name}"] == "mug", "the clicked one, not the list's active one"


def test_a_selected_nerf_is_the_one_that_the_panel_is_about(checkpoint: Path) -> None:
    first, second = api.load_nerf(checkpoint), api.load_nerf(checkpoint)
    scene, layer = bpy.context.scene, bpy.context.view_layer
    assert scene.sa3d.nerf == second
    layer.objects.active = first
    first.select_set(True)
    layer.update()
    assert scene.sa3d.nerf == first
    scene.sa3d.nerf = second  # chosen in the panel, while the first is still active
    first.location.x += 1
    layer.update()
    assert scene.sa3d.nerf == second
    names = [handler.__name__ for handler in bpy.app.handlers.depsgraph_update_post]
    assert chosen.follow_choice.__name__ in names


def test_deleting_a_camera_cleans_the_panel_and_undo_brings_all_back(
    nerf: bpy.types.Object,
) -> None:
    api.render_view(nerf)
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    bpy.ops.ed.undo_push(message="Prompt")
    camera = bpy.context.scene.camera
    for thing in bpy.context.view_layer.objects:
        thing.select_set(thing == camera)
    bpy.context.view_layer.objects.active = camera
    assert bpy.ops.object.delete("EXEC_DEFAULT", True) == {"FINISHED"}
    bpy.context.view_layer.update()
    assert active_camera(bpy.context.scene) is None
    assert bpy.context.scene.camera is None, "the panel's field is empty"
    nerf = bpy.context.scene.sa3d.nerf
    assert prompt_empties(nerf) == []
    assert object_state(nerf.sa3d.nerf.objects["mug"]) is ObjectState.needs_click
    assert workflow.next_step(bpy.context) == "sa3d.add_camera"
    assert workflow.why_nothing_to_segment(bpy.context)
    bpy.ops.ed.undo()
    nerf = bpy.context.scene.sa3d.nerf
    assert len(prompt_empties(nerf)) == 1
    assert bpy.context.scene.camera.sa3d.view is not None


def test_a_click_in_a_free_view_says_why_there_is_no_prompt(nerf: bpy.types.Object) -> None:
    (window,) = bpy.context.window_manager.windows
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    area.spaces.active.region_3d.view_perspective = "PERSP"
    with bpy.context.temp_override(window=window, area=area, region=region):
        why = click_operators.OnPicture.start(bpy.context)
    assert "looks through" in why
    assert area.spaces.active.region_3d.view_perspective == "CAMERA"
    area.spaces.active.region_3d.view_perspective = "PERSP"


def test_after_a_click_the_button_segments_with_or_without_a_picture(
    nerf: bpy.types.Object,
) -> None:
    assert workflow.next_step(bpy.context) == "sa3d.render_view"
    api.add_prompt(nerf, x=100, y=80)
    assert workflow.next_step(bpy.context) == "sa3d.segment"


def test_file_browsers_open_where_the_last_file_was(checkpoint: Path, tmp_path: Path) -> None:
    assert in_folder(tmp_path) == f"{tmp_path}/"
    assert in_folder(tmp_path / "gone") == ""
    api.load_nerf(checkpoint)
    opened = SimpleNamespace(filepath="")
    manager = SimpleNamespace(fileselect_add=lambda operator: None)
    context = SimpleNamespace(window_manager=manager, scene=bpy.context.scene)
    assert SA3D_OT_load_nerf.invoke(opened, context, None) == {"RUNNING_MODAL"}
    assert Path(opened.filepath) == checkpoint.parent


def test_the_tooltip_names_the_kinds_of_files() -> None:
    said = bpy.ops.sa3d.load_nerf.get_rna_type().description
    assert all(ending in said for ending in (".th", ".tar", ".msgpack", ".npz"))


def test_what_was_guessed_of_the_lens_is_said_no_more_once_it_is_known(
    fake: Callable[[str], None], checkpoint: Path, tmp_path: Path
) -> None:
    fake("forward")
    nerf = api.load_nerf(checkpoint)
    guess = (
        "The training cameras' focal length is not in the file; 1.62 half image widths, typical "
        "of phones, was assumed, so shapes may be stretched in depth."
    )
    aspect = "The training pictures' aspect is not in the file; 1.333 to 1 was assumed."
    nerf.sa3d.nerf.notes = f"Another note.\n{guess}\n{aspect}"
    api.load_training_cameras(write_transforms(tmp_path / "t.json", some_cameras(3)), nerf)
    assert nerf.sa3d.nerf.notes == "Another note."


def test_a_doubtful_result_has_no_tick(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80, object_name="mug")
    api.segment(nerf)
    entry = nerf.sa3d.nerf.objects["mug"]
    assert state_words(entry) == ("Cut out, but doubtful", "ERROR"), "12 of 20 views agree"
    text, icon = workflow.hint(bpy.context)
    assert "mug may be wrong" in text
    assert icon == "ERROR"
    assert "segmenter" in doubts.what_helps(entry)
    entry.doubt.note = ""
    assert state_words(entry) == ("Cut out", "CHECKMARK")
    assert workflow.hint(bpy.context)[1] == "CHECKMARK"


def test_enter_segments_only_with_the_tool_in_hand(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=100, y=80)
    assert not bpy.ops.sa3d.segment_in_hand.poll()
    assert tools.why_no_tool(bpy.context)
