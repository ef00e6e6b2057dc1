"""How sure the last run is of each object, and where a click would help: kept, told, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from ...core.segmenters import AUTOMATIC
from ..clicking import run_masks
from ..clicking.object_states import ObjectState, object_state
from ..doubt_properties import SA3D_Doubt
from ..help.wrapped_text import wrapped
from ..properties import SA3D_SegmentObject

GONE = "The pictures of this run are not there any more; segment again to see its views."


def keep_doubts(
    nerf: bpy.types.Object, result: dict[str, Any], entries: Mapping[str, SA3D_SegmentObject]
) -> None:
    """Note what a run says of its objects, in place of what an earlier one said.

    What is listed of other objects goes when this run wrote over its pictures.

    Args:
        result: of ``segment``.
        entries: by the name that the run knows them by.
    """
    run_masks.forget()
    for entry in nerf.sa3d.nerf.objects:
        if entry.doubt.report == result["report"]:
            entry.doubt.views.clear()
    for made in result["objects"]:
        entry = entries.get(made["name"])
        if entry is None:
            continue
        doubt = entry.doubt
        doubt.confidence, doubt.note = made["confidence"], made["note"]
        doubt.report, doubt.gone = result["report"], False
        doubt.views.clear()
        for told in made["disagree"]:
            line = doubt.views.add()
            line.view, line.agreement = told["view"], told["agreement"]
            line.reason = told["reason"]


def doubt_of(entry: SA3D_SegmentObject) -> SA3D_Doubt | None:
    """What the last run says of an object; None when there was none, or the object has changed."""
    told = bool(entry.doubt.report) and entry.result is not None
    return entry.doubt if told and object_state(entry) is ObjectState.done else None


def what_helps(entry: SA3D_SegmentObject) -> str:
    """What makes a doubtful object better, as a sentence."""
    listed = bool(entry.doubt.views) and not entry.doubt.gone
    click = "a click in a view below" if listed else "a click from another side"
    small = entry.id_data.sa3d.nerf.segmenter in (AUTOMATIC, "bundled")
    return f"What helps: {click}{', or a larger segmenter under Segment' if small else ''}"


def draw_doubt(layout: bpy.types.UILayout, entry: SA3D_SegmentObject) -> None:
    """How sure the run is of an object, and a button for each view where a click helps."""
    doubt = doubt_of(entry)
    if doubt is None:
        return
    box = layout.box()
    if doubt.note:
        wrapped(box, doubt.note, "ERROR")
        wrapped(box, what_helps(entry), "BLANK1")
    else:
        wrapped(box, f"{doubt.confidence:.0%} of the views agree on {entry.name}", "CHECKMARK")
    if not doubt.views:
        return
    if doubt.gone:
        wrapped(box, GONE, "ERROR")
    else:
        wrapped(box, "A click helps most in these:", "BLANK1")
    column = box.column(align=True)
    column.enabled = not doubt.gone
    for line in doubt.views:
        text = f"View {line.view}: agrees by {line.agreement:.0%}"
        button = column.operator("sa3d.help_in_view", text=text, icon="VIEW_CAMERA")
        button.name, button.view = entry.name, line.view
