"""One job on the engine's session."""

from __future__ import annotations

from pathlib import Path

from ....core.batch.job import BatchJob
from ....core.cameras import Camera
from ....core.prompted_view import PromptedView
from ....core.settings import FieldOptions
from ...run import Run
from ...view_path.training_views import placed_cameras, read_cameras
from ..camera_files import camera_file
from ..cli_segmenter import downloaded_here
from ..session import Session
from .outputs import FinishedRun, check_outputs, write_outputs


def cut_job(session: Session, job: BatchJob, folder: Path, run: Run) -> None:
    """Cut a job's objects out, and make its outputs in a folder.

    Raises:
        UserError: something in it cannot be used, or the folder cannot be written.
    """
    options, cameras = _cameras(session, job, run)
    check_outputs(job, session.field(job.checkpoint, options, run))
    prompts = {frame: list(here) for frame, here in job.prompts.items()}
    start = next(iter(prompts))
    first = job.camera or cameras[start]
    more = [PromptedView(cameras[k], tuple(here)) for k, here in prompts.items() if k != start]
    prompted = None if job.camera is not None else start
    session.segment(
        job.checkpoint,
        options,
        first,
        prompts[start],
        job.settings,
        job.mesh,
        folder,
        own_meshes=job.own_meshes,
        more=[*more, *job.more_views],
        given=[camera for k, camera in cameras.items() if k != prompted],
        downloaded=downloaded_here(),
        run=run,
    )
    named = {0: first} if job.camera is not None and not job.frames else cameras
    write_outputs(FinishedRun(session, job, options, named, folder, run))


def _cameras(session: Session, job: BatchJob, run: Run) -> tuple[FieldOptions, dict[int, Camera]]:
    """The options, completed as `camera_file` does, and the camera file's cameras by frame.

    A job with a camera of its own says all options itself: its camera is in their frame.
    """
    if job.cameras is None:
        return job.options, {}
    read = read_cameras(job.cameras, job.size)
    if job.camera is None:
        options, placed = camera_file(session, job.checkpoint, job.options, read, run)
    else:
        options = job.options
        placed = placed_cameras(read, session.field(job.checkpoint, options, run))
    return options, dict(enumerate(placed.cameras))
