"""What the preferences and the sidebar show of the engine and the weights. Draws only."""

from __future__ import annotations

import bpy

from ...core.background import shown_bytes
from ...core.errors import UserError
from ...core.installation.engine_store import EngineState
from ...core.installation.segmenter_weights import has_weights, partial_weights
from ...core.segmenters import (
    AUTOMATIC,
    BUNDLED,
    RECOMMENDED,
    by_size,
    resolve_segmenter,
    segmenter_spec,
)
from ...core.user_cache import cache_folder
from ..engine_link import engine_facts
from ..engine_link.chosen_python import chosen_python
from ..folders import engine_folder, log_file, set_up_log, weights_folder
from ..help.cures import SET_UP_CURES, draw_error
from ..help.wrapped_text import PREFERENCES, SIDEBAR, wrapped
from ..installation import installation

LABEL = 0.75
"""Share of a line that a text gets beside its button."""
BUTTONS = {
    EngineState.missing: "Set Up",
    EngineState.interrupted: "Continue Setting Up",
    EngineState.broken: "Repair",
    EngineState.old: "Update",
}
ICONS = {
    EngineState.missing: "INFO",
    EngineState.interrupted: "INFO",
    EngineState.broken: "ERROR",
    EngineState.old: "FILE_REFRESH",
    EngineState.ready: "CHECKMARK",
}


def draw_running(
    layout: bpy.types.UILayout, width: int = SIDEBAR, *, with_note: bool = True
) -> None:
    """The progress of what is set up or downloaded, why it failed, or what it left out."""
    task = installation.current.task
    if task is None:
        return
    if task.state == "running":
        layout.label(text=task.title)
        row = layout.row(align=True)
        factor = task.progress.factor if task.progress else 0.0
        row.progress(factor=factor, text=task.text, type="BAR")
        row.operator("sa3d.cancel_installation", text="", icon="X")
    elif task.state == "failed":
        draw_error(layout, task.error, width, cures=SET_UP_CURES)
    elif with_note:
        draw_note(layout, width)


def draw_note(layout: bpy.types.UILayout, width: int = SIDEBAR) -> None:
    """What was left out by what was set up last."""
    task = installation.current.task
    if task is not None and task.state == "done" and task.note:
        wrapped(layout, task.note, "INFO", width)


def draw_end(layout: bpy.types.UILayout) -> None:
    """For the preferences: that what ran last is done, or was stopped."""
    task = installation.current.task
    if task is not None and task.state == "done":
        layout.label(text=f"{task.title}: done", icon="CHECKMARK")
    elif task is not None and task.state == "cancelled":
        layout.label(text=f"{task.title}: stopped; the next click goes on", icon="PAUSE")


def draw_engine(layout: bpy.types.UILayout, *, is_used: bool) -> None:
    """For the preferences: the engine's state, the button for it, and what it takes.

    Args:
        is_used: no other Python is chosen.
    """
    box = layout.box()
    box.label(text="Engine")
    status = installation.engine_status()
    if status.record is None and installation.running():
        box.label(text="Its state is shown when this is done", icon="INFO")
        return
    wrapped(box, status.sentence, ICONS[status.state], PREFERENCES)
    row = box.row()
    if status.state in BUTTONS:
        row.operator("sa3d.set_up_engine", text=BUTTONS[status.state], icon="IMPORT")
    else:
        row.operator("sa3d.check_engine", text="Check", icon="VIEWZOOM")
    if status.record is not None or status.state == EngineState.interrupted:
        row.operator("sa3d.remove_engine", text="Remove", icon="TRASH")
    if status.record is not None:
        size = shown_bytes(status.record.bytes)
        box.label(text=f"{size} in {engine_folder()}", icon="DISK_DRIVE")
    if not is_used or status.state in (EngineState.ready, EngineState.old):
        _draw_use(box)
    for which, name, log in (("ENGINE", "Log", log_file()), ("SET_UP", "Set-Up Log", set_up_log())):
        if log is not None and log.is_file():
            row = box.split(factor=LABEL)
            row.label(text=f"{name}: {log}", icon="TEXT")
            row.operator("sa3d.show_logs", text="Show", icon="FILE_FOLDER").which = which


def _draw_use(box: bpy.types.UILayout) -> None:
    """The running engine: device and memory, what it keeps on the disk, and ways to free both."""
    wrapped(box, engine_facts.state(), "MEMORY", PREFERENCES)
    row = box.row(align=True)
    row.operator("sa3d.start_engine")
    row.operator("sa3d.unload")
    row.operator("sa3d.stop_engine")
    row.operator("sa3d.view_log")
    row = box.split(factor=LABEL)
    row.label(text=f"Cache: {shown_bytes(engine_facts.cache_size())} in {cache_folder()}")
    row.operator("sa3d.clear_cache", icon="TRASH")


def draw_all_weights(layout: bpy.types.UILayout) -> None:
    """For the preferences: every segmenter, and whether its weights are here."""
    box = layout.box()
    box.label(text="Segmenters")
    for spec in by_size():
        if spec.weights is None:
            box.label(text=f"{spec.label}: {spec.costs}", icon="CHECKMARK")
        else:
            draw_weights(box, spec.name)


def draw_weights(layout: bpy.types.UILayout, name: str) -> None:
    """One segmenter: its size and memory, and the button that its state asks for."""
    spec, folder = segmenter_spec(name), weights_folder()
    row = layout.split(factor=LABEL)
    if has_weights(folder, name):
        size = shown_bytes(spec.download_bytes)
        row.label(text=f"{spec.label}: {size} on the disk", icon="CHECKMARK")
        row.operator("sa3d.remove_weights", text="Remove", icon="TRASH").model = name
        return
    there = partial_weights(folder, name)
    kept = f", {shown_bytes(there)} are here" if there else ""
    row.label(text=f"{spec.label}: {spec.costs}{kept}", icon="BLANK1")
    text = "Continue" if there else "Download"
    row.operator("sa3d.download_weights", text=text, icon="IMPORT").model = name


def draw_missing_weights(layout: bpy.types.UILayout, name: str) -> None:
    """For the sidebar: a button while a chosen segmenter's weights are not here."""
    spec = segmenter_spec(name)
    if spec.weights is None or installation.running():
        return
    if name in installation.downloaded_weights():
        layout.label(text="Its weights are here", icon="CHECKMARK")
        return
    text = f"Download {spec.label}, {shown_bytes(spec.download_bytes)}"
    layout.operator("sa3d.download_weights", text=text, icon="IMPORT").model = name


def draw_automatic(layout: bpy.types.UILayout) -> None:
    """For the sidebar: which segmenter *Automatic* is, and a button for a better one."""
    used = automatic_segmenters(engine_device())
    if len(used) == 1:
        wrapped(layout, f"Will use: {used[0]}", "INFO")
    else:
        wrapped(layout, f"Will use: {used[0]} without a GPU, {used[1]} with one", "INFO")
    if used == [segmenter_spec(BUNDLED).label]:
        draw_missing_weights(layout, RECOMMENDED)


def automatic_segmenters(device: str) -> list[str]:
    """What *Automatic* is on a device; where that is not known, without a GPU and with one."""
    there = installation.downloaded_weights()
    names = [
        resolve_segmenter(AUTOMATIC, None, there, kind)[0]
        for kind in ([device] if device else ["cpu", "cuda"])
    ]
    return [segmenter_spec(name).label for name in dict.fromkeys(names)]


def engine_device() -> str:
    """What the engine computes on, as torch names it; empty while nobody knows."""
    said = str(engine_facts.known().get("device", "")).partition(":")[0]
    if said or chosen_python():
        return said
    try:
        record = installation.engine_status().record
    except UserError:
        record = None
    return record.device if record else ""


def draw_missing_engine(layout: bpy.types.UILayout, width: int = SIDEBAR) -> bool:
    """For the sidebar: what is wrong with the engine, and the button; returns whether it can't run.

    Nothing is drawn where another Python is chosen for the engine.
    """
    if chosen_python():
        return False
    try:
        status = installation.engine_status()
    except UserError as error:
        wrapped(layout.box(), str(error), "ERROR", width)
        return True
    if status.state == EngineState.ready:
        return False
    can_run = status.state == EngineState.old
    if installation.running():  # its progress is drawn already
        return not can_run
    wrapped(layout, status.sentence, ICONS[status.state], width)
    button = layout.column()
    button.scale_y = 1.0 if can_run else 1.5
    button.operator("sa3d.set_up_engine", text=BUTTONS[status.state], icon="IMPORT")
    return not can_run
