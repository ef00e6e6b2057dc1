"""The top of the tab: next step, running job and what there is to say, each in its place."""

from __future__ import annotations

from typing import Any

import bpy

from ...core.errors import UserError
from ..engine_link import session
from ..engine_link.job_steps import Job
from ..help.cures import cure_of, draw_cure, still_wrong
from ..help.job_bar import draw_bar
from ..help.wrapped_text import SIDEBAR, wrapped
from . import workflow
from .installation_panels import draw_missing_engine, draw_note, draw_running

LINES = 3
"""Kept for the bar and for words at the top, so that what is below stays where it is."""


class Tab:
    """Where the panels are."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "SA3D"
    layout: bpy.types.UILayout


class SA3D_PT_main(Tab, bpy.types.Panel):
    """The next step, or the job that runs."""

    bl_idname = "SA3D_PT_main"
    bl_label = "Segment a NeRF"

    def draw(self, context: bpy.types.Context) -> None:
        """A button, a bar and a few lines of words, each always in its place."""
        layout = self.layout
        job = session.current.job
        running = job is not None and job.state == "running"
        if not (running and not job.gives_way):
            draw_running(layout, with_note=False)
            if draw_missing_engine(layout):
                return
        error = still_wrong(job)
        hint = workflow.hint(context)
        button = layout.column()
        button.scale_y = 1.5
        _draw_step(button, context, job if running else None, error)
        below = layout.column(align=True)
        if running:
            draw_bar(below, job)
        elif error is not None:
            _draw_after(below, error)
        words, icon = ("", "BLANK1")
        if error is not None:
            words, icon = str(error), "ERROR"
        elif running:
            words, icon = job.gives_way, "INFO" if job.gives_way else "BLANK1"
        elif hint is not None and len(hint[0]) > SIDEBAR:  # else it is where the button was
            words, icon = hint
        has_row = running or error is not None
        wrapped(below, words, icon, lines=LINES - 1 if has_row else LINES)
        if workflow.why_no_nerf(context):  # as long as nothing else is there to be moved
            draw_note(layout)


def _draw_step(
    layout: bpy.types.UILayout,
    context: bpy.types.Context,
    job: Job[Any] | None,
    error: Exception | None,
) -> None:
    """The large button: the cure of an error, else the next step, else what is going on."""
    cure = cure_of(error) if isinstance(error, UserError) else None
    step = workflow.next_step(context)
    if cure is not None and job is None:
        draw_cure(layout, cure)
    elif job is not None and not job.gives_way:
        layout.label(text=job.title, icon="TIME")
    elif step and workflow.hint(context) is None:
        layout.operator(step, icon="PLAY")
    else:
        text, icon = workflow.hint(context) or ("", "BLANK1")
        short = len(text) <= SIDEBAR
        layout.label(text=text if short else "", icon=icon if short else "BLANK1")


def _draw_after(layout: bpy.types.UILayout, error: Exception) -> None:
    """Where the bar was: ways to get help with an error."""
    row = layout.row(align=True)
    row.operator("sa3d.copy_report", icon="COPYDOWN").sentence = str(error)
    row.operator("sa3d.view_log", icon="TEXT")


register, unregister = bpy.utils.register_classes_factory((SA3D_PT_main,))
