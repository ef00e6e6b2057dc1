"""A jobs file is checked whole before anything runs: also what lies in the files that it names."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ....core.batch.job import BatchJob
from ....core.batch.jobs_file import JobsFileError, ListedJob, read_jobs
from ....core.errors import UserError
from ...training_cameras import TrainingCameras
from ...view_path.training_views import read_cameras
from ..frame_numbers import check_frames
from .folders import is_own


def checked_jobs(path: Path, out: Path) -> list[BatchJob]:
    """All jobs of a file.

    Checkpoints are looked for and not read, as that takes long.

    Args:
        out: where the jobs' folders will be.

    Raises:
        UserError: the file is missing, is no TOML, or has no jobs.
        JobsFileError: some jobs cannot be run as they are; it says so of each.
    """
    listed, problems = read_jobs(path)
    cameras = cache(_cameras_or_error)
    for entry in listed:
        try:
            _check(entry, out, cameras(entry.job.cameras, entry.job.size))
        except UserError as error:
            problems.append(f"{entry.where}: {error}")
    if problems:
        raise JobsFileError(problems)
    return [entry.job for entry in listed]


def _cameras_or_error(
    path: Path | None, size: tuple[int, int] | None
) -> TrainingCameras | UserError | None:
    """What a camera file holds, or what is wrong with it: many jobs name the same one."""
    try:
        return None if path is None else read_cameras(path, size)
    except UserError as error:
        return error


def _check(entry: ListedJob, out: Path, cameras: TrainingCameras | UserError | None) -> None:
    job = entry.job
    for file, what in ((job.checkpoint, "checkpoint"), (job.settings.weights, "file of weights")):
        if file is not None and not Path(file).exists():
            raise UserError(f"There is no {what} at {file}; correct the path.")
    if isinstance(cameras, UserError):
        raise cameras
    if cameras is not None:
        count = len(cameras.cameras)
        check_frames(() if isinstance(job.frames, str) else job.frames, count)
        if job.camera is None:
            check_frames(job.prompts, count)
            for frame, here in job.prompts.items():
                camera = cameras.cameras[frame]
                for prompt in here:
                    prompt.check_inside(camera.width, camera.height)
    folder = out / job.name
    if folder.exists() and not is_own(folder):
        raise UserError(
            f"{folder} is there and holds no result of a batch; move it, or give the job another "
            "name."
        )
