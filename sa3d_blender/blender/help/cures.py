"""What went wrong, with a button for the cure and a report that can be sent to someone."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from ... import __version__
from ...core.errors import UserError
from ...core.segmenters import AUTOMATIC, RECOMMENDED, downloadable
from ..clicking.object_states import fingerprint
from ..engine_link import engine_facts, engine_log, session
from ..nerf.nerf import scene_nerf
from ..scene.moved_checkpoint import has_checkpoint
from .wrapped_text import SIDEBAR, wrapped

REPORT_LINES = 40
SMALLEST_VIEWS = 96
"""Pixels below which views show too little for smaller ones to be a cure."""


@dataclass(frozen=True)
class Cure:
    """An operator that puts an error right."""

    operator: str
    text: str
    icon: str
    options: dict[str, Any] = field(default_factory=dict)


_POINT = Cure("sa3d.pick_prompts", "Add Prompts", "EYEDROPPER")
_SET_UP = Cure("sa3d.set_up_engine", "Set Up Engine", "IMPORT")
_LOAD = Cure("sa3d.load_nerf", "Choose the NeRF", "FILE_FOLDER")
_FIND = Cure("sa3d.find_checkpoint", "Find the File", "FILE_FOLDER")
_START = Cure("sa3d.start_engine", "Start Engine", "PLAY")
_SAVE = Cure("wm.save_as_mainfile", "Save As", "FILE_TICK")
CURES = {
    "no_engine": _SET_UP,
    "broken_engine": _SET_UP,
    "engine_ended": _START,
    "timeout": _START,
    "offline": Cure("sa3d.show_online_access", "Show the Setting", "PREFERENCES"),
    "missing_file": _LOAD,
    "other_field": _FIND,
    "not_a_checkpoint": _LOAD,
    "unknown_format": _LOAD,
    "truncated": _LOAD,
    "unsafe": _LOAD,
    "no_nerf": _LOAD,
    "no_camera": Cure("sa3d.add_camera", "Add Camera", "CAMERA_DATA"),
    "not_perspective": Cure("sa3d.add_camera", "Add Camera", "CAMERA_DATA"),
    "no_prompt": _POINT,
    "prompt_outside": _POINT,
    "empty_background": _POINT,
    "cannot_write": _SAVE,
    "view_moved": Cure("sa3d.render_view", "Render View", "IMAGE_BACKGROUND"),
    "view_gone": Cure("sa3d.segment", "Segment", "MOD_EXPLODE"),
    "out_of_memory": Cure("sa3d.smaller_views", "Use Smaller Views", "REMOVE"),
}
"""By `UserError.code`. What has no button is told by its sentence."""
_SHOW = Cure("sa3d.pick_prompts", "Show Masks Again", "PLAY")
_TAKE_BACK = Cure("sa3d.remove_last_prompt", "Remove Last Prompt", "REMOVE")
LIVE_CURES = {
    **CURES,
    "engine_ended": _SHOW,
    "timeout": _SHOW,
    "prompt_outside": _TAKE_BACK,
    "empty_background": _TAKE_BACK,
}
"""The same of the masks that are shown while prompts are set."""

SET_UP_CURES = {code: cure for code, cure in CURES.items() if cure is not _LOAD}
"""The same of a set-up or a download, which have no NeRF."""


def cure_of(error: UserError, cures: dict[str, Cure] = CURES) -> Cure | None:
    """The button for an error, where there is one."""
    nerf = scene_nerf(bpy.context.scene)
    cure = cures.get(error.code)
    if error.code == "missing_file" and cure and nerf is not None and not has_checkpoint(nerf):
        return _FIND
    if error.code == "missing_weights":
        model = nerf.sa3d.nerf.segmenter if nerf else AUTOMATIC
        if model not in (spec.name for spec in downloadable()):
            model = RECOMMENDED
        return Cure("sa3d.download_weights", "Download Weights", "IMPORT", {"model": model})
    return cure


def error_cured_by(operator: str) -> UserError | None:
    """The last job's error, where this operator is its cure."""
    job = session.current.job
    error = job.error if job is not None and job.state == "failed" else None
    if not isinstance(error, UserError):
        return None
    cure = cure_of(error)
    return error if cure is not None and cure.operator == operator else None


def forget_error(error: UserError) -> None:
    """Say it no more, as it was put right."""
    job = session.current.job
    if job is not None and job.error is error:
        session.current.job = None


ABOUT_PROMPTS = {"no_prompt", "prompt_outside", "empty_background", "no_view", "view_moved"}
"""Codes of errors that other prompts or cameras may put right."""


class _Told:
    """The job whose error was told last, and what was asked then."""

    job: object = None
    asked = ""


def still_wrong(job: Any) -> Exception | None:
    """The error of a job that failed; None once prompts or cameras are others than they were.

    The panel asks at each drawing.
    """
    if job is None or job.state != "failed":
        return None
    if getattr(job.error, "code", "") not in ABOUT_PROMPTS:
        return job.error
    nerf = scene_nerf(bpy.context.scene)
    entries = nerf.sa3d.nerf.objects if nerf is not None else ()
    camera = bpy.context.scene.camera
    place = str(camera.matrix_world) if camera is not None else ""
    asked = place + "".join(fingerprint(entry) for entry in entries)
    if _Told.job is not job:
        _Told.job, _Told.asked = job, asked
    return job.error if asked == _Told.asked else None


def draw_cure(layout: bpy.types.UILayout, cure: Cure) -> None:
    """The button that puts an error right."""
    button = layout.operator(cure.operator, text=cure.text, icon=cure.icon)
    for name, value in cure.options.items():
        setattr(button, name, value)


def draw_error(
    layout: bpy.types.UILayout,
    error: Exception,
    width: int = SIDEBAR,
    *,
    cures: dict[str, Cure] = CURES,
) -> None:
    """The sentence, the button for the cure, and what helps others to help."""
    box = layout.box()
    wrapped(box, str(error), "ERROR", width)
    cure = cure_of(error, cures) if isinstance(error, UserError) else None
    if cure is not None:
        draw_cure(box, cure)
    row = box.row(align=True)
    row.operator("sa3d.copy_report", icon="COPYDOWN").sentence = str(error)
    row.operator("sa3d.view_log", icon="TEXT")


def report_text(sentence: str = "") -> str:
    """What someone who helps wants to know; the user's home folder is left out of all paths."""
    facts = engine_facts.known()
    lines = [
        sentence or "No error.",
        "",
        f"SA3D {__version__}, Blender {bpy.app.version_string}, {platform.platform()}",
        f"Engine: {engine_facts.state()}",
        *(f"  {name}: {value}" for name, value in sorted(facts.items())),
        "",
        "Last lines of the engine's log:",
        *engine_log.last_lines(REPORT_LINES),
    ]
    return "\n".join(lines).replace(str(Path.home()), "~")


def copy_report(sentence: str = "") -> str:
    """Put the report on the clipboard, where there is one; returns it."""
    text = report_text(sentence)
    if not bpy.app.background:
        bpy.context.window_manager.clipboard = text
    return text


def use_smaller_views(nerf: bpy.types.Object) -> int:
    """Make the views of a NeRF's next run smaller by a quarter; returns their new size in pixels.

    Raises:
        UserError: they are small already.
    """
    facts = nerf.sa3d.nerf
    smaller = int(facts.view_size * 0.75)
    if smaller < SMALLEST_VIEWS:
        raise UserError("The views are small already; close other programs and run again.")
    facts.view_size = smaller
    return smaller
