"""Jobs for sa3d batch from a scene, and a batch's results in it."""

from __future__ import annotations

import json
from pathlib import Path

import bpy
import numpy as np
import pytest
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.results.splat_results import FILE, splats_of
from bl_ext.user_default.sa3d_blender.core.batch.jobs_file import read_jobs
from bl_ext.user_default.sa3d_blender.core.batch.results import finished_jobs
from bl_ext.user_default.sa3d_blender.core.errors import UserError
from bl_ext.user_default.sa3d_blender.core.point_cloud import PointCloud


def as_batch(jobs: Path, run: Path, out: Path) -> Path:
    """What sa3d batch makes of the last job of a file: here of the files of another run."""
    *_, entry = read_jobs(jobs)[0]
    report = json.loads((run / "answer.json").read_text(encoding="utf-8"))
    told = report | {"batch": {"job": entry.job.to_json(), "inputs": []}}
    (run / "report.json").write_text(json.dumps(told), encoding="utf-8")
    out.mkdir(exist_ok=True)
    run.rename(out / entry.job.name)
    return out / entry.job.name


@pytest.fixture
def clicked(nerf: bpy.types.Object) -> bpy.types.Object:
    """A NeRF with two objects that were clicked on."""
    api.add_prompt(nerf, x=100, y=120, object_name="mug")
    api.add_prompt(nerf, x=220, y=120, object_name="Teller 盘")
    nerf.sa3d.nerf.views = 7
    api.use_own_mesh(nerf, object_name="mug").max_faces = 800
    return nerf


@pytest.fixture
def run(clicked: bpy.types.Object, tmp_path: Path) -> Path:
    """The files of a run of the same objects, which are in no list any more."""
    folder = tmp_path / "run"
    api.segment(clicked, out=folder)
    made = [
        {
            "name": path.stem.removesuffix("_mesh"),
            "mesh": str(path),
            "confidence": 0.75,
            "note": "",
            "disagree": [],
        }
        for path in sorted(folder.glob("*_mesh.npz"))
    ]
    assert len(made) == 2
    (folder / "answer.json").write_text(json.dumps({"objects": made}), encoding="utf-8")
    for entry in clicked.sa3d.nerf.objects:
        bpy.data.objects.remove(entry.result)
    return folder


def test_a_job_says_what_a_run_would_be_asked(clicked: bpy.types.Object, tmp_path: Path) -> None:
    api.segment(clicked, out=tmp_path / "run")
    asked = json.loads((tmp_path / "run" / "request.json").read_text(encoding="utf-8"))
    jobs = tmp_path / "jobs" / "JOBS.toml"
    assert api.save_batch_job(jobs) == clicked.name
    assert api.save_batch_job(jobs) == f"{clicked.name} (2)"
    found, problems = read_jobs(jobs)
    assert problems == []
    for entry in found:
        told = entry.job.to_json()
        for key in ("checkpoint", "options", "camera", "objects", "settings", "mesh"):
            assert told[key] == asked[key], key
        assert told["own_meshes"] == asked["own_meshes"]
        assert told["settings"]["views"] == 7
        assert told["cameras"] is None


def test_the_operator_appends_and_needs_a_prompt(nerf: bpy.types.Object, tmp_path: Path) -> None:
    jobs = tmp_path / "JOBS.toml"
    assert not bpy.ops.sa3d.save_batch_job.poll()
    with pytest.raises(UserError, match="no prompt"):
        api.save_batch_job(jobs)
    assert not jobs.exists()
    api.add_prompt(nerf, x=100, y=120, object_name="mug")
    assert bpy.ops.sa3d.save_batch_job(filepath=str(jobs)) == {"FINISHED"}
    assert len(read_jobs(jobs)[0]) == 1
    jobs.write_text("no TOML")
    with pytest.raises(RuntimeError, match="is not TOML"):
        bpy.ops.sa3d.save_batch_job(filepath=str(jobs))


def test_results_are_placed_where_their_objects_are(
    clicked: bpy.types.Object, run: Path, tmp_path: Path
) -> None:
    jobs, out = tmp_path / "JOBS.toml", tmp_path / "out"
    api.save_batch_job(jobs)
    folder = as_batch(jobs, run, out)
    (out / ".half.0123abcd.part").mkdir()
    (out / "something else").mkdir()
    for text in ("[1]", '{"batch": {"job": {}}}', "{"):
        (out / "something else" / "report.json").write_text(text)
        assert len(finished_jobs(out)) == 1
    api.remove_object(clicked, "Teller 盘")
    placed = api.import_batch_results(out)
    objects = clicked.sa3d.nerf.objects
    assert {entry.name: entry.result for entry in objects} == {p["sa3d_object"]: p for p in placed}
    assert set(objects.keys()) == {"mug", "Teller 盘"}, "what was not in the list is now"
    assert all(thing.parent == clicked for thing in placed)
    assert objects["mug"].made_from, "nothing was changed since"
    assert not objects["Teller 盘"].made_from, "its prompts are gone"
    assert objects["mug"].doubt.confidence == pytest.approx(0.75)
    assert Path(clicked.sa3d.nerf.result) == folder / "result.npz"
    assert json.loads(placed[0]["sa3d_prompts"])
    again = api.import_batch_results(out)
    assert again == placed, "once more changes nothing"
    assert bpy.ops.sa3d.import_batch_results(directory=str(out)) == {"FINISHED"}
    assert len([t for t in bpy.data.objects if t.sa3d.kind == "RESULT"]) == 2


@pytest.mark.skipif(bpy.app.version >= (5, 3, 0), reason="Blender's importer reads the .ply")
def test_splats_are_placed_too(clicked: bpy.types.Object, run: Path, tmp_path: Path) -> None:
    points = np.linspace(0, 1, 15, dtype=np.float32).reshape(5, 3)
    for name in ("mug", "all else"):
        made = PointCloud(points, np.full((5, 3), 200, np.uint8), 0.1)
        made.save(run / f"{name}_splat.npz")

    def splat(name: str) -> dict[str, str]:
        """As a worker on another computer wrote it."""
        here = f"/farm/out/{name}_splat"
        return {"name": name, "splat": f"{here}.ply", "splat_points": f"{here}.npz"}

    answer = json.loads((run / "answer.json").read_text(encoding="utf-8"))
    mug = next(entry for entry in answer["objects"] if entry["name"] == "mug")
    mug |= splat("mug")
    answer["rest"] = splat("all else")
    (run / "answer.json").write_text(json.dumps(answer), encoding="utf-8")
    clicked.sa3d.nerf.family = "gaussian_splats, bounded"
    jobs, out = tmp_path / "JOBS.toml", tmp_path / "out"
    api.save_batch_job(jobs)
    assert read_jobs(jobs)[0][0].job.outputs == ("meshes", "splats")
    folder = as_batch(jobs, run, out)
    for _ in range(2):
        placed = api.import_batch_results(out)
        found = splats_of(clicked)
        assert set(found) == {"mug", "all else"}
        assert set(found.values()) <= set(placed)
        assert found["mug"][FILE] == str(folder / "mug_splat.ply"), "where it is now"
        assert len(found["all else"].data.polygons) == 4 * 5
    assert len(placed) == 4, "with the two meshes"


def test_results_of_other_nerfs_are_told(
    clicked: bpy.types.Object, run: Path, tmp_path: Path, checkpoint: Path
) -> None:
    with pytest.raises(UserError, match="no finished job"):
        api.import_batch_results(tmp_path)
    jobs, out = tmp_path / "JOBS.toml", tmp_path / "out"
    api.save_batch_job(jobs)
    as_batch(jobs, run, out)
    clicked.sa3d.nerf.checkpoint = str(tmp_path / "other.th")
    with pytest.raises(UserError, match="not in this scene, such as"):
        api.import_batch_results(out)
