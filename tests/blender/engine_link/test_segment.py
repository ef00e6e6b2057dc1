"""From prompts to meshes under the NeRF's Empty, and everything that can get in the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.ui import operators
from bl_ext.user_default.sa3d_blender.core.errors import Cancelled, UserError

Contents = Callable[[], dict[str, list[str]]]
Fake = Callable[[str], None]


@pytest.fixture
def prompted(nerf: bpy.types.Object) -> bpy.types.Object:
    """A NeRF with a prompt on one object."""
    api.add_prompt(nerf, x=160, y=120, object_name="mug")
    bpy.ops.ed.undo_push(message="Prompt")
    return nerf


def test_the_mesh_lies_under_the_nerf(prompted: bpy.types.Object) -> None:
    prompted.location = (5, 0, 0)
    (mug,) = api.segment(prompted)
    bpy.context.view_layer.update()
    assert (mug.name, mug.parent) == ("mug", prompted)
    assert mug.matrix_world == prompted.matrix_world
    assert prompted.sa3d.nerf.objects["mug"].result == mug
    assert not mug.data.validate()
    assert all(polygon.use_smooth for polygon in mug.data.polygons)
    assert mug.users_collection[0].name == f"{prompted.name} Results"
    points = np.array([vertex.co for vertex in mug.data.vertices])
    corners = points[[list(polygon.vertices) for polygon in mug.data.polygons]]
    volume = np.linalg.det(corners).sum() / 6
    assert volume == pytest.approx(4 / 3 * np.pi * 0.3**3, rel=0.1)


def test_the_artist_sees_its_colours(prompted: bpy.types.Object) -> None:
    (mug,) = api.segment(prompted)
    colors = mug.data.color_attributes
    assert (colors.active_color.name, colors.render_color_index) == ("Color", 0)
    assert (colors[0].data_type, colors[0].domain) == ("BYTE_COLOR", "POINT")
    top = max(range(len(mug.data.vertices)), key=lambda i: mug.data.vertices[i].co.z)
    assert colors[0].data[top].color_srgb[2] == pytest.approx(1, abs=1e-2)
    assert colors[0].data[top].color_srgb[0] == pytest.approx(127 / 255, abs=1e-2)
    nodes = mug.data.materials[0].node_tree.nodes
    source = next(node for node in nodes if node.type == "VERTEX_COLOR")
    assert source.layer_name == "Color"
    assert source.outputs["Color"].links[0].to_socket.name == "Base Color"


def test_several_objects_at_once(prompted: bpy.types.Object) -> None:
    api.add_prompt(prompted, x=10, y=12, object_name="Schüssel 碗")
    assert [thing.name for thing in api.segment(prompted)] == ["mug", "Schüssel 碗"]


def test_a_second_run_replaces_the_mesh_only(prompted: bpy.types.Object, fake: Fake) -> None:
    (mug,) = api.segment(prompted)
    mug.modifiers.new("Smooth", "SMOOTH")
    own = bpy.data.materials.new("Glaze")
    mug.data.materials[0] = own
    meshes = len(bpy.data.meshes)
    fake("faces=1000")
    (again,) = api.segment(prompted)
    assert again == mug
    assert 800 < len(mug.data.polygons) < 1100
    assert mug.data.name == "mug"
    assert (mug.data.materials[0], len(mug.modifiers)) == (own, 1)
    assert len(bpy.data.meshes) == meshes


def test_one_undo_removes_it(prompted: bpy.types.Object, contents: Contents) -> None:
    before = contents()
    api.segment(prompted)
    assert "mug" in contents()["meshes"]
    bpy.ops.ed.undo()
    assert contents() == before
    assert len(bpy.context.scene.sa3d.nerf.sa3d.nerf.objects) == 1


def test_it_survives_saving(
    prompted: bpy.types.Object, reload_file: Callable[[], None], tmp_path: Path
) -> None:
    api.segment(prompted)
    reload_file()
    nerf = bpy.context.scene.sa3d.nerf
    mug = nerf.sa3d.nerf.objects["mug"].result
    assert mug.parent == nerf
    assert api.segment(nerf) == [mug]
    assert Path(nerf.sa3d.nerf.result).is_relative_to(tmp_path / "sa3d")


def test_nothing_is_held_for_long(
    prompted: bpy.types.Object,
    fake: Fake,
    longest_tick: Callable[..., float],
    never_held: Callable[[Callable[[], float]], None],
) -> None:
    fake("slow faces=60000")
    never_held(lambda: longest_tick(lambda: api.segment(prompted, wait=False)))
    assert session.current.job.state == "done"
    assert len(bpy.data.objects["mug"].data.polygons) > 59_000


def test_operators_with_a_window_do_not_wait(
    prompted: bpy.types.Object,
    checkpoint: Path,
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    longest_tick: Callable[..., float],
    never_held: Callable[[Callable[[], float]], None],
) -> None:
    fake("slow")
    monkeypatch.setattr(operators, "WAIT", False)
    steps = (
        lambda: bpy.ops.sa3d.start_engine(),
        lambda: bpy.ops.sa3d.load_nerf(filepath=str(checkpoint)),
        lambda: bpy.ops.sa3d.render_view(),
        lambda: bpy.ops.sa3d.add_prompt(x=20, y=20),
        lambda: bpy.ops.sa3d.segment(),
        lambda: bpy.ops.sa3d.stop_engine(),
    )
    never_held(lambda: max(longest_tick(step) for step in steps))
    assert len(bpy.context.scene.sa3d.nerf.sa3d.nerf.objects["Object"].result.data.polygons) > 0


def test_only_one_job_runs(prompted: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    job = api.segment(prompted, wait=False)
    with pytest.raises(UserError, match="Another job is running"):
        api.render_view(prompted)
    assert not bpy.ops.sa3d.segment.poll()
    session.wait(job)
    assert bpy.ops.sa3d.segment.poll()


def test_progress_is_shown(prompted: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    job = api.segment(prompted, wait=False)
    seen = set()
    while job.state == "running":
        session.pump()
        seen.add((job.text, job.factor))
    midway = {text: factor for text, factor in seen if 0 < factor < 1}
    views = [midway[f"view {n}"] for n in range(1, 21) if f"view {n}" in midway]
    assert len(views) > 10
    assert views == sorted(set(views)), "each view fills the bar a little more"


def pump_until_half(job: session.Job) -> None:
    """Let the job run to its middle."""
    while job.state == "running" and job.factor < 0.5:
        session.pump()
    assert job.state == "running"


def test_cancel_leaves_the_scene_alone(
    prompted: bpy.types.Object, fake: Fake, contents: Contents
) -> None:
    fake("slow")
    before = contents()
    job = api.segment(prompted, wait=False)
    pump_until_half(job)
    bpy.ops.sa3d.cancel()
    with pytest.raises(Cancelled):
        session.wait(job)
    assert (job.state, contents()) == ("cancelled", before)
    fake("")
    assert api.segment(prompted)


def test_cancel_while_the_mesh_is_built_leaves_nothing(
    prompted: bpy.types.Object, fake: Fake, contents: Contents
) -> None:
    fake("faces=60000")
    before = contents()
    job = api.segment(prompted, wait=False)
    while len(bpy.data.meshes) == len(before["meshes"]):
        session.pump(0.0)
    api.cancel()
    with pytest.raises(Cancelled):
        session.wait(job)
    assert contents() == before


def test_undo_while_the_mesh_is_built_does_no_harm(prompted: bpy.types.Object, fake: Fake) -> None:
    fake("faces=60000")
    count = len(bpy.data.meshes)
    job = api.segment(prompted, wait=False)
    while len(bpy.data.meshes) == count:
        session.pump(0.0)
    bpy.ops.ed.undo_push(message="Something else")
    bpy.ops.ed.undo()
    (reference,) = session.wait(job)
    assert len(reference.get().data.polygons) > 59_000


@pytest.mark.parametrize("mode", ["crash", "view"])
def test_failures_are_one_sentence(
    prompted: bpy.types.Object, fake: Fake, contents: Contents, mode: str
) -> None:
    fake(mode)
    before = contents()
    sentence = {"crash": "The engine ended unexpectedly", "view": "No view was accepted"}[mode]
    with pytest.raises(UserError, match=sentence):
        api.segment(prompted)
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.sa3d.segment()
    assert contents() == before
    fake("")
    assert api.segment(prompted)


def test_a_killed_engine_is_one_sentence(
    prompted: bpy.types.Object, fake: Fake, contents: Contents
) -> None:
    fake("slow")
    before = contents()
    job = api.segment(prompted, wait=False)
    pump_until_half(job)
    os.kill(session.current.engine.pid, 9)
    with pytest.raises(UserError, match="ended from outside"):
        session.wait(job)
    assert contents() == before


def test_deleting_the_nerf_stops_the_job(prompted: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    job = api.segment(prompted, wait=False)
    pump_until_half(job)
    with bpy.context.temp_override(selected_objects=[prompted]):
        bpy.ops.object.delete()
    with pytest.raises(UserError, match="was deleted, so the job was stopped"):
        session.wait(job)
    assert "mug" not in bpy.data.meshes


def test_opening_another_file_stops_the_job(prompted: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    job = api.segment(prompted, wait=False)
    pump_until_half(job)
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    assert job.state == "cancelled"
    assert not session.running()
    for _ in range(50):
        session.pump()
    assert "mug" not in bpy.data.meshes


def test_undo_during_a_job_does_no_harm(prompted: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    api.add_prompt(prompted, x=50, y=50)
    bpy.ops.ed.undo_push(message="Prompt")
    job = api.segment(prompted, wait=False)
    pump_until_half(job)
    bpy.ops.ed.undo()
    (reference,) = session.wait(job)
    assert reference.get().parent == bpy.context.scene.sa3d.nerf


def test_stopping_the_engine_stops_the_job(prompted: bpy.types.Object, fake: Fake) -> None:
    fake("slow")
    job = api.segment(prompted, wait=False)
    pump_until_half(job)
    bpy.ops.sa3d.stop_engine()
    assert job.state == "cancelled"


def test_an_unwritable_folder_is_one_sentence(
    prompted: bpy.types.Object, tmp_path: Path, contents: Contents
) -> None:
    (tmp_path / "sa3d").write_text("in the way")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    before = contents()
    with pytest.raises(UserError, match="cannot be made"):
        api.segment(bpy.context.scene.sa3d.nerf)
    assert contents() == before


def test_importing_an_earlier_mesh(prompted: bpy.types.Object, tmp_path: Path) -> None:
    api.segment(prompted, out=tmp_path / "früher")
    bpy.ops.sa3d.import_mesh(filepath=str(tmp_path / "früher" / "mug_mesh.npz"))
    assert bpy.data.objects["mug.001"].parent == prompted


def test_a_damaged_mesh_file_is_one_sentence(
    prompted: bpy.types.Object, tmp_path: Path, contents: Contents
) -> None:
    before = contents()
    damaged = tmp_path / "mug_mesh.npz"
    damaged.write_bytes(b"PK\x03\x04 nothing")
    for path in (damaged, tmp_path / "missing_mesh.npz"):
        with pytest.raises(UserError, match="is not a mesh of this add-on"):
            api.import_mesh(path, prompted)
    assert contents() == before


def test_the_redo_panel_cannot_take_a_result_back(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=160, y=120)
    api.segment(nerf)
    last = bpy.context.window_manager.operators[-1]
    assert last.name == "Segment"
    assert {"REGISTER", "UNDO"} <= last.bl_options, "it is what the panel is about"
    settings = [one.identifier for one in last.properties.bl_rna.properties]
    assert settings == ["rna_type"], "and there is nothing to set"
