"""Sentences in panels, which do not wrap by themselves."""

from __future__ import annotations

import bpy

SIDEBAR = 32
"""Characters a line in a box in the sidebar at its usual width."""
PREFERENCES = 75
"""Characters a line in the preferences at their usual width."""


def wrapped(
    layout: bpy.types.UILayout, text: str, icon: str, width: int = SIDEBAR, *, lines: int = 0
) -> None:
    """A sentence over as many lines of ``width`` characters as it needs.

    Args:
        lines: so many lines are taken in any case, so that what is below stays where it is.
    """
    line, parts = "", []
    for word in text.split():
        if line and len(line) + len(word) >= width:
            parts.append(line)
            line = ""
        line = f"{line} {word}".strip()
    column = layout.column(align=True)
    parts.append(line)
    for number, part in enumerate(parts + [""] * (lines - len(parts))):
        column.label(text=part, icon="BLANK1" if number else icon)
