"""Loading a NeRF: an Empty with its box, collections of its own, and nothing else touched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api, properties
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.folders import output_folder
from bl_ext.user_default.sa3d_blender.blender.ui import workflow
from bl_ext.user_default.sa3d_blender.core import segmenters, settings
from bl_ext.user_default.sa3d_blender.core.errors import UserError
from mathutils import Vector

from tests.support.waiting import until

Contents = Callable[[], dict[str, list[str]]]


def box_corners(box: bpy.types.Object) -> np.ndarray:
    """World-space minimum and maximum of a cube-shaped empty."""
    size = box.empty_display_size
    corners = [
        box.matrix_world @ Vector((x, y, z))
        for x in (-size, size)
        for y in (-size, size)
        for z in (-size, size)
    ]
    return np.array([np.min(corners, axis=0), np.max(corners, axis=0)])


def test_loading_adds_an_empty_with_its_box(checkpoint: Path) -> None:
    nerf = api.load_nerf(checkpoint)
    bpy.context.view_layer.update()
    facts = nerf.sa3d.nerf
    assert nerf.type == "EMPTY"
    assert nerf.name == checkpoint.stem
    assert facts.checkpoint == str(checkpoint)
    assert facts.title == "Fake NeRF · bounded scene"
    box = next(child for child in nerf.children if child.sa3d.kind == "BOX")
    assert np.allclose(box_corners(box), [[-1, -1.5, -0.5], [2, 1.5, 1]], atol=1e-5)
    nerf.location, nerf.scale = (1, 2, 3), (2, 2, 2)
    bpy.context.view_layer.update()
    assert np.allclose(box_corners(box), [[-1, -1, 2], [5, 5, 5]], atol=1e-5)


def test_loading_says_what_it_does(checkpoint: Path) -> None:
    job = api.load_nerf(checkpoint, wait=False)
    said = set()
    until(lambda: said.add(job.text) or job.state == "done", session.pump)
    assert said >= {"Starting the engine", f"Reading {checkpoint.name}"}


def test_loading_leaves_the_selection_alone(checkpoint: Path) -> None:
    active, selected = bpy.context.view_layer.objects.active, list(bpy.context.selected_objects)
    api.load_nerf(checkpoint)
    assert bpy.context.view_layer.objects.active == active
    assert list(bpy.context.selected_objects) == selected


def test_two_nerfs_share_the_collection_but_nothing_else(checkpoint: Path) -> None:
    first, second = api.load_nerf(checkpoint), api.load_nerf(checkpoint)
    root = bpy.context.scene.collection.children["SA3D"]
    assert {c.name for c in root.children} == {first.name, second.name}
    assert bpy.context.scene.sa3d.nerf == second


def test_nerfs_of_like_names_have_folders_of_their_own(tmp_path: Path) -> None:
    """Also where Tisch and tisch are one folder."""
    names = ("Tisch", "tisch", "TISCH", "my desk", "my_desk")
    for name in names:
        checkpoint = tmp_path / name / f"{name}.th"
        checkpoint.parent.mkdir(exist_ok=True)
        checkpoint.write_bytes(b"x")
        api.load_nerf(checkpoint)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "table.blend"))
    nerfs = [thing for thing in bpy.data.objects if thing.sa3d.kind == "NERF"]
    saved = {output_folder(nerf).name.casefold() for nerf in nerfs}
    assert len(saved) == len(names)


@pytest.mark.parametrize("path", ["/no/such/file.th", ""])
def test_a_missing_file_is_one_sentence(path: str, contents: Contents) -> None:
    before = contents()
    with pytest.raises(UserError, match="There is no file"):
        api.load_nerf(path)
    with pytest.raises(RuntimeError, match="There is no file"):
        bpy.ops.sa3d.load_nerf(filepath=path)
    assert contents() == before


def test_a_missing_engine_is_one_sentence(
    checkpoint: Path, contents: Contents, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bl_ext.user_default.sa3d_blender.core.connection.engine_command import engine_command

    before = contents()
    monkeypatch.setattr(session, "engine_command", engine_command)
    monkeypatch.setenv("SA3D_ENGINE_PYTHON", "/no/such/python")
    with pytest.raises(UserError, match="There is no Python at /no/such/python"):
        api.load_nerf(checkpoint)
    monkeypatch.delenv("SA3D_ENGINE_PYTHON")
    with pytest.raises(UserError, match="engine is not set up; click Set Up"):
        api.load_nerf(checkpoint)
    assert contents() == before


def test_an_engine_without_packages_is_one_sentence(
    checkpoint: Path, contents: Contents, fake: Callable[[str], None]
) -> None:
    before = contents()
    fake("no_start")
    with pytest.raises(UserError, match="lacks the package torch"):
        api.load_nerf(checkpoint)
    assert contents() == before


def test_the_preference_names_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    from bl_ext.user_default.sa3d_blender.blender import folders
    from bl_ext.user_default.sa3d_blender.blender.engine_link.chosen_python import engine_python

    monkeypatch.delenv("SA3D_ENGINE_PYTHON")
    addon = bpy.context.preferences.addons[folders.ADDON]
    addon.preferences.engine_python = "/somewhere/python"
    assert engine_python() == "/somewhere/python"
    monkeypatch.setenv("SA3D_ENGINE_PYTHON", "/elsewhere/python")
    assert engine_python() == "/elsewhere/python"
    addon.preferences.engine_python = ""


def test_undo_removes_it_in_one_step(checkpoint: Path, contents: Contents) -> None:
    before = contents()
    api.load_nerf(checkpoint)
    bpy.ops.ed.undo()
    assert contents() == before


def test_it_survives_saving(nerf: bpy.types.Object, reload_file: Callable[[], None]) -> None:
    name, checkpoint = nerf.name, nerf.sa3d.nerf.checkpoint
    nerf.sa3d.nerf.views = 17
    reload_file()
    again = bpy.context.scene.sa3d.nerf
    assert again.name == name
    assert again.sa3d.kind == "NERF"
    facts = again.sa3d.nerf
    assert (facts.checkpoint, facts.views) == (checkpoint, 17)
    assert tuple(facts.box_max) == (2, 1.5, 1)
    assert api.render_view(again).size[:] == (320, 240)


def test_defaults_are_those_of_the_engine(nerf: bpy.types.Object) -> None:
    facts = nerf.sa3d.nerf
    for kind in (settings.SegmentSettings(), settings.MeshSettings(), settings.FieldOptions()):
        for name, value in vars(kind).items():
            if hasattr(facts, name):
                assert getattr(facts, name) == (value or type(getattr(facts, name))()), name
    menu = properties.SA3D_Nerf.bl_rna.properties["segmenter"].enum_items
    assert tuple(menu.keys()) == segmenters.segmenter_choices()


def test_a_file_keeps_its_segmenter_whatever_is_added_later() -> None:
    """A .blend stores an entry's number: those of versions before are these, for ever."""
    menu = properties.SA3D_Nerf.bl_rna.properties["segmenter"].enum_items
    numbers = {name: item.value for name, item in menu.items()}
    assert numbers == {
        "bundled": 0,
        "vit_b": 1,
        "vit_l": 2,
        "vit_h": 3,
        "mobile_sam": 4,
        "automatic": 1000,
    }


def test_the_next_step_leads_through_the_workflow(checkpoint: Path) -> None:
    bpy.context.scene.camera = None
    steps = [workflow.next_step(bpy.context)]
    for action in (
        lambda: api.load_nerf(checkpoint),
        api.add_camera,
        api.render_view,
        lambda: api.add_prompt(x=900, y=500),
        api.segment,
    ):
        action()
        steps.append(workflow.next_step(bpy.context))
    names = ("load_nerf", "add_camera", "render_view", "pick_prompts", "segment")
    assert steps == [*(f"sa3d.{name}" for name in names), ""]
    assert workflow.hint(bpy.context)[0].startswith("Cut out"), "no button, but a word"
    api.add_prompt(x=910, y=500)
    assert workflow.next_step(bpy.context) == "sa3d.segment", "the mask was corrected"
    assert workflow.hint(bpy.context) is None
    api.segment()
    api.add_object(name="another")
    assert workflow.next_step(bpy.context) == "sa3d.pick_prompts", "it waits for a click"


def test_the_added_camera_looks_at_the_box(nerf: bpy.types.Object) -> None:
    from bl_ext.user_default.sa3d_blender.blender.nerf import views

    nerf.location, nerf.scale = (4, 5, 6), (3, 3, 3)
    bpy.context.view_layer.update()
    camera = api.add_camera(nerf)
    bpy.context.view_layer.update()
    assert camera.name in bpy.context.scene.objects
    view = views.world_camera(bpy.context.scene, camera)
    box = next(child for child in nerf.children if child.sa3d.kind == "BOX")
    low, high = box_corners(box)
    center = (low + high) / 2
    faces = [center + sign * (high - center) * axis for axis in np.eye(3) for sign in (-1, 1)]
    pixels = view.project(np.array(faces))
    assert (pixels >= 0).all()
    assert (pixels <= (view.width, view.height)).all()
    assert np.allclose(view.project(center[None]), [[160, 120]], atol=0.1)
