"""``sa3d batch``: whole jobs, on a cluster whose worker is a thread of this process."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import distributed
import numpy as np
import pytest
from PIL import Image
from plyfile import PlyData

from sa3d_blender.core.batch.jobs_file import append_job, read_jobs
from sa3d_blender.core.batch.results import finished_jobs
from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.file_lock import hold_lock
from sa3d_blender.core.point_cloud import PointCloud
from sa3d_blender.engine.commands import cli, loaded
from sa3d_blender.engine.commands.batch import worker
from sa3d_blender.engine.commands.batch.outcome import UNFIT, UNSEEN
from sa3d_blender.engine.commands.cli_batch import LOCK
from sa3d_blender.engine.mask_grids.result import SegmentResult
from sa3d_blender.engine.meshing.mesh_jobs import REST
from tests.support.cli_runs import APE, BOX, CAMERAS, CHECKPOINT, CRATE, HEAD, SKY, Refused, names

TINY = {"settings": {"views": 2, "view_size": 48}, "mesh": {"resolution": 24}}
SPLAT = CHECKPOINT.parents[1] / "tabletop_splat" / "point_cloud.ply"
Batch = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a cluster with one worker, which is a thread of this process."""
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        dashboard_address=None,
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def batch(tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> Batch:
    """Runs the jobs of ``JOBS.toml``; gives the exit code, and ``batch.json``'s jobs by name."""
    monkeypatch.setattr(worker, "_sessions", {})

    def run(*more: str) -> tuple[int, dict[str, Any]]:
        command = ["batch", tmp_path / "JOBS.toml", "--out", tmp_path / "out", *more]
        code = cli.main([str(part) for part in (*command, "--scheduler", scheduler)])
        summary = json.loads((tmp_path / "out" / "batch.json").read_text(encoding="utf-8"))
        return code, {job["name"]: job for job in summary["jobs"]}

    return run


def add(folder: Path, name: str, click: list[float], **more: Any) -> None:
    """Add a tiny job to ``JOBS.toml``."""
    objects = [{"name": name, "points": [click], "labels": [1]}]
    files = {"checkpoint": str(CHECKPOINT), "cameras": str(CAMERAS), "size": "200x200"}
    append_job(folder / "JOBS.toml", {"name": name, **files, **TINY, "objects": objects} | more)


def test_each_job_has_its_folder_and_nothing_is_done_twice(
    batch: Batch,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    loads: list[Path] = []
    load = loaded.load_field
    monkeypatch.setattr(
        loaded, "load_field", lambda p, *a, **k: loads.append(p) or load(p, *a, **k)
    )
    checkpoint = tmp_path / "scene.th"
    shutil.copy(CHECKPOINT, checkpoint)
    mine = {"checkpoint": str(checkpoint)}
    add(tmp_path, APE, HEAD, outputs=["masks", "meshes"], frames=[0, 3], **mine)
    add(tmp_path, "sky", SKY, **mine)
    add(tmp_path, CRATE, BOX, outputs=["pictures"], **mine)
    out = tmp_path / "out"
    (out / ".sky.0123abcd.part").mkdir(parents=True)
    code, jobs = batch()
    assert code == 1, "one failed"
    assert "lies on empty background" in jobs["sky"]["error"]
    assert [job["result"] for job in jobs.values()] == ["done", "failed", "done"]
    assert names(out) == {LOCK, "batch.json", APE, CRATE}
    assert names(out / APE) >= {f"{APE}.glb", f"{APE}_mesh.npz", "report.json", "result.npz"}
    assert names(out / APE / "pictures") == {
        *("0.png", "3.png", f"0_mask_{APE}.png", f"3_mask_{APE}.png")
    }
    assert not {f"{CRATE}.glb", f"{CRATE}_mesh.npz"} & names(out / CRATE), "not wanted"
    assert names(out / CRATE / "pictures") == {"0.png"}
    assert len(loads) == 1, "one checkpoint is loaded once"
    assert {"surface", "total", "masks"} <= set(jobs[APE]["seconds"])
    assert jobs[APE]["worker"]
    table = capsys.readouterr().out
    assert all(word in table for word in (APE, CRATE, "failed", "total", "empty background"))

    made = {name: (out / name / "report.json").stat().st_mtime_ns for name in (APE, CRATE)}
    code, jobs = batch()
    assert [job["result"] for job in jobs.values()] == ["done before", "failed", "done before"]
    os.utime(checkpoint)
    code, jobs = batch()
    assert [job["result"] for job in jobs.values()] == ["done", "failed", "done"]
    assert all(
        (out / name / "report.json").stat().st_mtime_ns > then for name, then in made.items()
    )


def test_a_job_with_a_camera_of_its_own_as_blender_writes_it(batch: Batch, tmp_path: Path) -> None:
    data = json.loads(CAMERAS.read_text())
    matrix = np.array(data["frames"][0]["transform_matrix"])
    focal = 100 / np.tan(data["camera_angle_x"] / 2)
    camera = Camera(200, 200, focal, focal, 100.0, 100.0, matrix).to_json()
    refine = {"name": APE, "points": [SKY], "labels": [0], "refines": True}
    more = [{"camera": camera, "objects": [refine]}]
    alone = {"cameras": None, "size": None, "camera": camera, "outputs": ["masks"]}
    add(tmp_path, APE, HEAD, **alone, more_views=more)
    add(tmp_path, "beside", HEAD, camera=camera, outputs=["pictures"], frames=[2])
    code, jobs = batch()
    assert (code, {job["error"] for job in jobs.values()}) == (0, {""})
    mask = np.asarray(Image.open(tmp_path / "out" / APE / "pictures" / f"0_mask_{APE}.png"))
    assert mask[int(HEAD[1]), int(HEAD[0])] == 255
    assert mask[int(SKY[1]), int(SKY[0])] == 0
    assert names(tmp_path / "out" / "beside" / "pictures") == {"2.png"}


def test_splats_are_cut_where_they_are_wanted(batch: Batch, tmp_path: Path) -> None:
    of_splat = {"checkpoint": str(SPLAT), "frame": 0}
    add(tmp_path, CRATE, BOX, outputs=["splats"], **of_splat)
    add(tmp_path, "mesh alone", BOX, **of_splat)
    add(tmp_path, "no splat", BOX, outputs=["splats", "masks"])
    out = tmp_path / "out"
    code, jobs = batch()
    assert code == 1, "one failed"
    assert "tabletop.th is no 3D Gaussian splat" in jobs["no splat"]["error"]
    assert "segment" not in jobs["no splat"]["seconds"], "it is told before anything is cut"
    mine, rest = (PlyData.read(out / CRATE / f"{n}_splat.ply") for n in (CRATE, REST))
    counts = [len(file["vertex"].data) for file in (mine, rest, PlyData.read(SPLAT))]
    assert counts[0] > 0
    both = counts[0] + counts[1]
    assert 0.98 * counts[2] < both <= counts[2], "in one of them, but for what was hidden below"
    assert not {f"{CRATE}.glb", f"{CRATE}_mesh.npz"} & names(out / CRATE)
    assert not [name for name in names(out / "mesh alone") if "splat" in name]
    (plain,) = (job for job in finished_jobs(out) if job.folder.name == "mesh alone")
    (cut,) = (job for job in finished_jobs(out) if job.folder.name == CRATE)
    assert (list(plain.meshes), plain.splats) == (["mesh alone"], [])
    assert (cut.meshes, [splat["name"] for splat in cut.splats]) == ({}, [CRATE, REST])
    for splat in cut.splats:
        assert Path(splat["splat"]).is_file()
        assert len(PointCloud.load(Path(splat["splat_points"])).points) > 0


def test_ctrl_c_leaves_a_state_that_goes_on(
    batch: Batch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(tmp_path, CRATE, BOX)
    add(tmp_path, APE, HEAD)
    out = tmp_path / "out"

    def press() -> None:
        """As soon as the second job has begun to write."""
        while not list(out.glob(f".{APE}.*.part")):
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    hand = threading.Thread(target=press)
    hand.start()
    code, jobs = batch()
    hand.join()
    assert code == 130
    assert [job["result"] for job in jobs.values()] == ["done", "not run"]
    assert "Cancelled" in capsys.readouterr().err
    assert names(out) - {LOCK, "batch.json"} == {CRATE}
    code, jobs = batch()
    assert code == 0
    assert [job["result"] for job in jobs.values()] == ["done before", "done"]
    assert names(out) - {LOCK, "batch.json"} == {CRATE, APE}


def test_a_full_disk_stops_one_job_alone(
    batch: Batch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, CRATE, BOX)
    add(tmp_path, APE, HEAD)
    save = SegmentResult.save

    def full(result: SegmentResult, path: Path) -> None:
        if result.objects[0].name == CRATE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        save(result, path)

    monkeypatch.setattr(SegmentResult, "save", full)
    code, jobs = batch()
    assert code == 1
    assert [job["result"] for job in jobs.values()] == ["failed", "done"]
    folder = tmp_path / "out" / CRATE
    assert jobs[CRATE]["error"] == (
        f"{folder} cannot be written (No space left on device); choose another folder or free some "
        "space."
    )
    assert names(tmp_path / "out") == {LOCK, "batch.json", APE}


def test_a_file_with_mistakes_runs_nothing(
    batch: Batch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add(tmp_path, "good", HEAD)
    add(tmp_path, "no scene", HEAD, checkpoint=str(tmp_path / "gone.th"))
    add(tmp_path, "no cameras", HEAD, cameras=str(CHECKPOINT))
    add(tmp_path, "no frame", HEAD, frame=99)
    add(tmp_path, "no frames", HEAD, outputs=["masks"], frames=[0, 99])
    add(tmp_path, "beside the picture", [201.0, 3.0])
    add(tmp_path, "taken", HEAD)
    (tmp_path / "out" / "taken").mkdir(parents=True)
    (tmp_path / "out" / "taken" / "thesis.txt").write_text("mine")
    command = ["batch", str(tmp_path / "JOBS.toml"), "--out", str(tmp_path / "out")]
    assert cli.main(command) == 2
    said = capsys.readouterr().err.splitlines()
    parts = ("no checkpoint at", "tabletop.th", "no frame 99", "no frame 99", "outside", "is there")
    for line, name, part in zip(
        said,
        ("no scene", "no cameras", "no frame", "no frames", "beside the picture", "taken"),
        parts,
        strict=True,
    ):
        assert line.startswith("sa3d: JOBS.toml, line ")
        assert f'job "{name}"' in line
        assert part in line
    assert names(tmp_path / "out") == {"taken"}
    assert (tmp_path / "out" / "taken" / "thesis.txt").read_text() == "mine"


def test_what_is_wrong_before_any_job_is_one_sentence(tmp_path: Path, refused: Refused) -> None:
    add(tmp_path, "mug", HEAD)
    command = ["batch", tmp_path / "JOBS.toml", "--out", tmp_path / "out"]
    assert "no jobs file" in refused("batch", tmp_path / "gone.toml", "--out", tmp_path)
    assert "No Dask scheduler answers" in refused(*command, "--scheduler", "tcp://127.0.0.1:9")
    (tmp_path / "file").write_text("")
    assert "cannot be written" in refused(*command[:3], tmp_path / "file")
    assert names(tmp_path / "out") == {LOCK}


def test_without_dask_it_says_how_to_get_it(
    tmp_path: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, "mug", HEAD)
    monkeypatch.setitem(sys.modules, "distributed", None)
    said = refused("batch", tmp_path / "JOBS.toml", "--out", tmp_path / "out")
    assert 'pip install "sa3d-blender[batch]"' in said


def test_a_worker_that_cannot_run_it_says_why(tmp_path: Path) -> None:
    add(tmp_path, "mug", HEAD)
    ((entry,), _) = read_jobs(tmp_path / "JOBS.toml")
    task = worker.task_for(entry.job, tmp_path, "batch", "cpu")
    other = worker.run_job(task | {"version": "9.9"})
    assert other["result"] == UNFIT
    assert "here it is 9.9" in other["error"]
    gone = tmp_path / "gone"
    assert worker.run_job(task | {"out": str(gone)})["result"] == UNSEEN
    moved = task | {"job": task["job"] | {"checkpoint": "/nas/scene.th"}}
    assert "sees no /nas/scene.th" in worker.run_job(moved)["error"]
    worker.stop_batch("batch")
    stopped = worker.run_job(task)
    assert stopped["result"] == "not run"
    assert names(tmp_path) == {"JOBS.toml"}


def test_a_second_batch_in_the_same_folder_waits(
    batch: Batch, tmp_path: Path, refused: Refused
) -> None:
    add(tmp_path, "mug", HEAD)
    (tmp_path / "out").mkdir()
    held = hold_lock(tmp_path / "out" / LOCK)
    assert held is not None
    with held:
        said = refused("batch", tmp_path / "JOBS.toml", "--out", tmp_path / "out")
    assert "Another sa3d batch writes to" in said
