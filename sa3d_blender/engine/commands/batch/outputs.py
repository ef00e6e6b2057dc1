"""The kinds of output that a job can have. A further one is a name in the core and an entry here.

A run itself leaves its mask grids (``result.npz``), its report, and the meshes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ....core.batch.job import OUTPUTS, BatchJob
from ....core.batch.results import REPORT
from ....core.cameras import Camera
from ....core.errors import UserError
from ....core.settings import FieldOptions
from ...fields.protocol import PrimitiveField, RadianceField
from ...meshing.mesh_jobs import REST
from ...run import Run
from ...segmentation.report import write_report
from ..picture_jobs import render_frames
from ..session import Session
from .folders import report_of

PICTURES = "pictures"
"""The folder of pictures and masks in a job's folder."""
MESH_FILES, SPLAT_FILES = ("glb", "mesh"), ("splat", "splat_points")
"""What an object's entry in the report calls the files of its mesh, and of its splat."""


@dataclass(frozen=True)
class FinishedRun:
    """A job whose objects are cut out, and what further outputs are made from."""

    session: Session
    job: BatchJob
    options: FieldOptions
    cameras: Mapping[int, Camera]
    """Those of the camera file in the field's frame, or the job's own as 0."""
    folder: Path
    run: Run

    @property
    def result(self) -> Path:
        """The mask grids."""
        return self.folder / "result.npz"

    def chosen_cameras(self) -> dict[int, Camera]:
        """Those of which pictures are wanted."""
        wanted = self.job.frames or (next(iter(self.job.prompts)),)
        return {k: self.cameras[k] for k in (self.cameras if isinstance(wanted, str) else wanted)}


def check_outputs(job: BatchJob, field: RadianceField) -> None:
    """Raise UserError where a job wants what its field cannot give, before anything is cut."""
    if "splats" in job.outputs and not isinstance(field, PrimitiveField):
        raise UserError(
            f"{job.checkpoint} is no 3D Gaussian splat, so there are no splats to make of it; take "
            "splats out of the job's outputs."
        )


def write_outputs(done: FinishedRun) -> None:
    """Make what the job wants besides, and take away what it does not want."""
    for name in OUTPUTS:
        wanted, unwanted = _WRITERS[name]
        write = wanted if name in done.job.outputs else unwanted
        if write is not None:
            with done.run.timed(name):
                write(done)


def _pictures(done: FinishedRun) -> None:
    """``FRAME.png`` of each frame."""
    if "masks" not in done.job.outputs:  # they bring their pictures
        _render(done, with_masks=False)


def _masks(done: FinishedRun) -> None:
    """``FRAME.png`` and each object's ``FRAME_mask_NAME.png``."""
    _render(done, with_masks=True)


def _render(done: FinishedRun, *, with_masks: bool) -> None:
    render_frames(
        done.session,
        done.job.checkpoint,
        done.options,
        done.chosen_cameras(),
        done.folder / PICTURES,
        result=done.result if with_masks else None,
        run=done.run,
    )


def _no_meshes(done: FinishedRun) -> None:
    """A run makes them in any case."""
    _take_away(done, MESH_FILES)


def _splats(done: FinishedRun) -> None:
    """A run makes the objects'; besides, the Gaussians of none of them."""
    report = report_of(done.folder)
    name = REST
    while name in done.job.object_names:
        name += " (2)"
    rest = {"name": name, "glb": str(done.folder / f"{name}.glb")}  # it is called as its mesh
    done.session.write_rest_splat(done.result, rest)
    if "splat" in rest:
        report["rest"] = {key: rest[key] for key in ("name", *SPLAT_FILES)}
        write_report(done.folder / REPORT, report)


def _no_splats(done: FinishedRun) -> None:
    """A run makes them of every splat."""
    _take_away(done, SPLAT_FILES)


def _take_away(done: FinishedRun, kinds: tuple[str, ...]) -> None:
    """Remove files of the objects, and what the report says of them."""
    report = report_of(done.folder)
    for entry in report["objects"]:
        for file in (entry.pop(kind) for kind in kinds if kind in entry):
            Path(file).unlink(missing_ok=True)
    write_report(done.folder / REPORT, report)


_Write = Callable[[FinishedRun], None]
_WRITERS: dict[str, tuple[_Write | None, _Write | None]] = {
    "meshes": (None, _no_meshes),
    "splats": (_splats, _no_splats),
    "masks": (_masks, None),
    "pictures": (_pictures, None),
}
"""By kind of output: what makes it where it is wanted, and what is done where it is not."""
