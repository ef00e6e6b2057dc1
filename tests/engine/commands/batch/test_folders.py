"""A job's folder is there whole or not at all, and is known again."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from sa3d_blender.core.batch.job import BatchJob
from sa3d_blender.core.errors import UserError
from sa3d_blender.engine.commands.batch.folders import (
    finish_report,
    is_finished,
    is_own,
    origin,
    remove_leftovers,
    report_of,
    written_folder,
)
from tests.support.batch_work import made_up_job
from tests.support.cli_runs import names


def never() -> bool:
    return False


@pytest.fixture
def job(tmp_path: Path) -> BatchJob:
    """A job whose inputs are there."""
    scene = tmp_path / "scene 猫"
    scene.mkdir()
    for name in ("a.th", "c.json", "w.pth"):
        (scene / name).write_text(name)
    paths = {"checkpoint": str(scene / "a.th"), "cameras": str(scene / "c.json")}
    return made_up_job("mug", **paths, settings={"weights": str(scene / "w.pth")})


def make(job: BatchJob, out: Path) -> Path:
    """Its folder, as a worker makes it."""
    folder, made_from = out / job.name, origin(job)
    with written_folder(folder, never) as part:
        report = {"objects": [{"mesh": str(part / "mug_mesh.npz"), "name": str(part)}]}
        (part / "report.json").write_text(json.dumps(report))
        (part / "mug_mesh.npz").write_text("mesh")
        assert not (folder / "mug_mesh.npz").exists() or (folder / "older.txt").exists()
        finish_report(part, folder, made_from, {"total": 1.0})
    return folder


def test_it_is_known_again_until_an_input_or_a_setting_changes(
    job: BatchJob, tmp_path: Path
) -> None:
    folder = make(job, tmp_path / "out")
    assert is_finished(folder, job)
    assert not is_finished(folder, made_up_job("mug"))
    for file in (job.checkpoint, job.cameras, Path(job.settings.weights or "")):
        assert file is not None
        before = file.stat()
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
        assert not is_finished(folder, job), file
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert is_finished(folder, job)
    (job.checkpoint.parent / "config.txt").write_text("beside it, and read with it")
    assert not is_finished(folder, job)
    job.checkpoint.unlink()
    assert not is_finished(folder, job)


def test_its_report_names_the_files_where_they_are(job: BatchJob, tmp_path: Path) -> None:
    folder = make(job, tmp_path / "out")
    (entry,) = report_of(folder)["objects"]
    assert Path(entry["mesh"]).read_text() == "mesh"
    assert report_of(folder)["seconds"] == {"total": 1.0}


def test_an_older_one_is_replaced_whole(job: BatchJob, tmp_path: Path) -> None:
    folder = make(job, tmp_path / "out")
    (folder / "older.txt").write_text("goes")
    make(job, tmp_path / "out")
    assert names(folder) == {"report.json", "mug_mesh.npz"}
    assert names(tmp_path / "out") == {"mug"}


def test_of_two_workers_the_first_counts(tmp_path: Path) -> None:
    folder = tmp_path / "mug"
    with written_folder(folder, never) as late:
        (late / "who").write_text("late")
        with written_folder(folder, folder.exists) as early:
            (early / "who").write_text("early")
        with written_folder(folder, folder.exists) as last:
            (last / "who").write_text("last")
        assert (folder / "who").read_text() == "early"
    assert (folder / "who").read_text() == "late", "it did not ask"
    assert names(tmp_path) == {"mug"}


def test_a_failure_leaves_the_older_one(tmp_path: Path) -> None:
    folder = tmp_path / "mug"
    folder.mkdir()
    (folder / "older").write_text("stays")

    def fail() -> None:
        with written_folder(folder, never) as part:
            (part / "half").write_text("goes")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert (names(tmp_path), names(folder)) == ({"mug"}, {"older"})


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(UserError, match=r"mug cannot be written \(No space left on device\)"),
        written_folder(tmp_path / "mug", never),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with (
        pytest.raises(UserError) as raised,
        written_folder(tmp_path / "mug", never) as part,
    ):
        raise UserError(f"{part / 'result.npz'} cannot be written.", code="cannot_write")
    assert str(raised.value) == f"{tmp_path / 'mug' / 'result.npz'} cannot be written."
    assert names(tmp_path) == set()


def test_a_file_in_its_place_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with (
        pytest.raises(UserError, match="cannot be written"),
        written_folder(tmp_path / "out" / "mug", never),
    ):
        pass


def test_leftovers_of_its_own_jobs_go(tmp_path: Path) -> None:
    for name in (".mug.0123abcd.part", ".mug.2.0123abcd.part", ".plate.0123abcd.part", "mug"):
        (tmp_path / name).mkdir()
    remove_leftovers(tmp_path, ["mug", "mug.2"])
    assert names(tmp_path) == {".plate.0123abcd.part", "mug"}


def test_whose_folder_it_is(job: BatchJob, tmp_path: Path) -> None:
    assert is_own(make(job, tmp_path / "out"))
    (tmp_path / "report.json").write_text('{"seconds": {}}')
    assert not is_own(tmp_path)
    (tmp_path / "report.json").write_text("[")
    assert not is_own(tmp_path)
