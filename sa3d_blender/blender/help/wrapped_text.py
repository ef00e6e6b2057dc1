"""Sentences in panels, which do not wrap by themselves."""

from __future__ import annotations

import bpy

SIDEBAR = 32
"""Characters a line in a box in the sidebar at its usual width."""
PREFERENCES = 75
"""Characters a line in the preferences at their usual width."""


def wrapped(layout: bpy.types.UILayout, text: str, icon: str, width: int = SIDEBAR) -> None:
    """A sentence over as many lines of ``width`` characters as it needs."""
    line, lines = "", []
    for word in text.split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    column = layout.column(align=True)
    for number, part in enumerate([*lines, line]):
        column.label(text=part, icon="BLANK1" if number else icon)
