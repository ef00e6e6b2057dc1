"""The bar of the job that runs: at the top of the tab, and where its button was.

The top may be scrolled out of sight when a button further down is used.
"""

from __future__ import annotations

from typing import Any

import bpy

from ..engine_link import session
from ..engine_link.job_steps import Job


def draw_bar(layout: bpy.types.UILayout, job: Job[Any]) -> None:
    """How far the job is, and the button that stops it."""
    row = layout.row(align=True)
    text = job.text or "Starting"
    text = f"{text} - {job.time_left}" if job.time_left else text
    row.progress(factor=job.factor, text=text, type="BAR")
    row.operator("sa3d.cancel", text="", icon="X")


def draw_bar_instead(layout: bpy.types.UILayout, *operators: str) -> bool:
    """The bar in place of a button, while the job that it started runs; whether it does.

    Args:
        operators: which of them start the button's job, as Blender names them.
    """
    job = session.current.job
    if job is None or job.state != "running" or job.started_by not in operators:
        return False
    draw_bar(layout, job)
    return True
