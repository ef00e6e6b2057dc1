"""What can be done with a result: other meshes from the same run, textures, where it came from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.engine_link import session
from bl_ext.user_default.sa3d_blender.blender.folders import output_folder
from bl_ext.user_default.sa3d_blender.blender.results import kept_results
from bl_ext.user_default.sa3d_blender.core.errors import Cancelled, UserError

Contents = Callable[[], dict[str, list[str]]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the saved file's results go."""
    return tmp_path / "sa3d"


@pytest.fixture
def mug(nerf: bpy.types.Object, tmp_path: Path) -> bpy.types.Object:
    """A mug that was cut out, in a saved file."""
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "Szene 景.blend"))
    nerf = bpy.context.scene.sa3d.nerf
    api.add_prompt(nerf, x=160, y=120, object_name="mug")
    bpy.ops.ed.undo_push(message="Prompt")
    (mug,) = api.segment(nerf)
    return mug


def material_types(thing: bpy.types.Object) -> list[str]:
    nodes = thing.data.materials[0].node_tree.nodes
    return [node.type for node in nodes if node.type in {"VERTEX_COLOR", "TEX_IMAGE"}]


def test_a_job_knows_its_button_which_then_shows_how_far_it_is(mug: bpy.types.Object) -> None:
    assert session.current.job.started_by == "", "a script began it"
    for name in ("remesh", "rest_of_scene", "segment"):
        getattr(bpy.ops.sa3d, name)()
        assert session.current.job.started_by == f"sa3d.{name}"
    bpy.ops.sa3d.add_object()
    assert session.current.job.started_by == "sa3d.segment", "no job of its own"


def test_saving_for_the_first_time_keeps_the_run(
    nerf: bpy.types.Object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.add_prompt(nerf, x=160, y=120, object_name="mug")
    (mug,) = api.segment(nerf)
    temporary = Path(nerf.sa3d.nerf.result)
    assert temporary.is_relative_to(bpy.app.tempdir)
    monkeypatch.setattr(kept_results, "MOST_BYTES", 25)
    (temporary.parent / "views").mkdir()
    for name in ("mug_2", "mug_4", "mug_5"):
        (temporary.parent / "views" / f"{name}.png").write_bytes(b"0123456789")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "Szene 景.blend"))
    shutil.rmtree(temporary.parent)  # as at Blender's end
    assert api.remesh(nerf) == [mug]
    kept = output_folder(nerf)
    assert (kept / "report.json").is_file()
    pictures = sorted(path.name for path in (kept / "views").iterdir())
    assert pictures == ["mug_2.png", "mug_4.png"], "as many as there is room for"


def test_remeshing_replaces_the_mesh_only(mug: bpy.types.Object, folder: Path) -> None:
    mug.location = (1, 2, 3)
    mug.modifiers.new("Smooth", "SMOOTH")
    mug.data.materials.append(bpy.data.materials.new("Glaze"))
    nerf, meshes = mug.parent, len(bpy.data.meshes)
    nerf.sa3d.nerf.max_faces, nerf.sa3d.nerf.resolution = 2000, 48
    nerf.sa3d.nerf.surface.threshold = -0.25
    assert api.remesh(nerf) == [mug]
    assert 1500 < len(mug.data.polygons) < 2200
    assert len(bpy.data.meshes) == meshes
    assert (tuple(mug.location), len(mug.modifiers)) == ((1, 2, 3), 1)
    assert [m.name for m in mug.data.materials] == ["SA3D Vertex Color", "Glaze"]
    (path,) = folder.rglob("mesh_request.json")
    asked = json.loads(path.read_text(encoding="utf-8"))
    assert asked["objects"] == ["mug"]
    wanted = {"resolution": 48, "max_faces": 2000, "threshold": -0.25, "density": 1, "texture": 0}
    wanted |= {"detail": "normal", "smooth": 0.5}
    assert asked["mesh"] == wanted
    assert json.loads(mug["sa3d_mesh"]) == wanted


def test_the_first_mesh_hides_the_points_that_would_poke_through_it(mug: bpy.types.Object) -> None:
    nerf = mug.parent
    assert not nerf.sa3d.nerf.show_points
    nerf.sa3d.nerf.show_points = True
    api.remesh(nerf)
    assert nerf.sa3d.nerf.show_points, "who shows them again wants to see them"


def test_one_undo_brings_the_earlier_mesh_back(mug: bpy.types.Object, contents: Contents) -> None:
    before, faces = contents(), len(mug.data.polygons)
    bpy.context.scene.sa3d.nerf.sa3d.nerf.surface.texture = "1024"
    bpy.ops.ed.undo_push(message="Settings")
    bpy.ops.sa3d.remesh()
    assert contents() != before
    bpy.ops.ed.undo()
    assert contents() == before
    assert len(bpy.data.objects["mug"].data.polygons) == faces


def test_a_renamed_object_is_found_in_the_result(mug: bpy.types.Object) -> None:
    nerf = mug.parent
    nerf.sa3d.nerf.objects["mug"].name = "Becher 杯"
    assert api.remesh(nerf, object_name="Becher 杯") == [mug]


def test_a_texture_comes_packed_and_goes_again(mug: bpy.types.Object) -> None:
    nerf = mug.parent
    surface = nerf.sa3d.nerf.surface
    surface.texture = "1024"
    api.remesh(nerf)
    assert material_types(mug) == ["TEX_IMAGE"]
    (image,) = (image for image in bpy.data.images if image.name.startswith("mug Texture"))
    assert (image.packed_file is not None, tuple(image.size)) == (True, (8, 8))
    pixels = np.zeros(8 * 8 * 4, np.float32)
    image.pixels.foreach_get(pixels)
    assert pixels.reshape(8, 8, 4)[-1, 0, 0] == 1, "the top row is white"
    uvs = np.zeros(len(mug.data.loops) * 2, np.float32)
    mug.data.uv_layers["UVMap"].uv.foreach_get("vector", uvs)
    assert np.array_equal(uvs[:6], [0, 0, 1, 0, 0, 1])
    api.remesh(nerf)  # a second one replaces the first
    textures = [image.name for image in bpy.data.images if "Texture" in image.name]
    assert len(textures) == 1
    surface.texture = "0"
    api.remesh(nerf)
    assert material_types(mug) == ["VERTEX_COLOR"]
    assert not [image for image in bpy.data.images if "Texture" in image.name]


def test_the_rest_is_one_object_under_the_nerf(mug: bpy.types.Object) -> None:
    nerf = mug.parent
    nerf.sa3d.nerf.rest.max_faces = 3000
    rest = api.rest_of_scene(nerf)
    assert (rest.name, rest.parent, rest.sa3d.kind) == ("Rest of the Scene", nerf, "RESULT")
    assert len(rest.data.polygons) > 2500
    assert api.rest_of_scene(nerf) == rest
    assert json.loads(rest["sa3d_mesh"])["max_faces"] == 3000
    assert rest["sa3d_checkpoint"] == nerf.sa3d.nerf.checkpoint


def test_a_mesh_knows_where_it_came_from(mug: bpy.types.Object) -> None:
    assert mug["sa3d_checkpoint"] == bpy.path.abspath(mug.parent.sa3d.nerf.checkpoint)
    assert (mug["sa3d_object"], mug["sa3d_version"]) == ("mug", "0.1.0")
    (prompt,) = json.loads(mug["sa3d_prompts"])
    assert prompt["points"] == [[pytest.approx(160, abs=0.1), pytest.approx(120, abs=0.1)]]
    assert prompt["labels"] == [1]
    assert prompt["camera"]["w"] == 320
    assert json.loads(mug["sa3d_settings"])["views"] == mug.parent.sa3d.nerf.views


def test_before_a_run_and_without_its_files_it_is_one_sentence(
    nerf: bpy.types.Object,
) -> None:
    for name in ("remesh", "rest_of_scene"):
        assert not getattr(bpy.ops.sa3d, name).poll()
    with pytest.raises(UserError, match="segment an object first"):
        api.remesh(nerf)
    with pytest.raises(UserError, match="segment again"):
        api.rest_of_scene(nerf)


def test_a_moved_blend_finds_its_results(
    mug: bpy.types.Object, folder: Path, tmp_path: Path
) -> None:
    bpy.ops.wm.save_mainfile()
    moved = tmp_path / "anderswo"
    moved.mkdir()
    shutil.move(folder, moved / "sa3d")
    shutil.move(bpy.data.filepath, moved / "Szene 景.blend")
    bpy.ops.wm.open_mainfile(filepath=str(moved / "Szene 景.blend"))
    assert api.remesh() == [bpy.data.objects["mug"]]


def test_cancelling_leaves_the_mesh(
    mug: bpy.types.Object, contents: Contents, fake: Callable[[str], None]
) -> None:
    fake("slow")
    mug.parent.sa3d.nerf.surface.texture = "1024"
    before, faces = contents(), len(mug.data.polygons)
    job = api.remesh(mug.parent, wait=False)
    for _ in range(3):
        session.pump()
    api.cancel()
    with pytest.raises(Cancelled):
        session.wait(job)
    assert (contents(), len(mug.data.polygons)) == (before, faces)


def test_nothing_is_held_for_long(
    mug: bpy.types.Object,
    longest_tick: Callable[..., float],
    never_held: Callable[[Callable[[], float]], None],
) -> None:
    nerf = mug.parent
    nerf.sa3d.nerf.max_faces, nerf.sa3d.nerf.surface.texture = 60_000, "1024"
    never_held(lambda: longest_tick(lambda: api.remesh(nerf, wait=False)))
    assert len(mug.data.polygons) > 50_000
