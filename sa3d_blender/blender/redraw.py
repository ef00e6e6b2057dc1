"""Having Blender draw again what shows something that has changed."""

from __future__ import annotations

from collections.abc import Iterator

import bpy


def viewports() -> Iterator[bpy.types.Area]:
    """The 3D viewports of all windows."""
    for window in bpy.context.window_manager.windows:
        yield from (area for area in window.screen.areas if area.type == "VIEW_3D")


def redraw_panels() -> None:
    """Draw the panels and the tool's header again; the scene itself is not."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "PREFERENCES":
                area.tag_redraw()
            for region in area.regions if area.type == "VIEW_3D" else ():
                if region.type in {"UI", "TOOL_HEADER"}:
                    region.tag_redraw()


def redraw_scenes(but: bpy.types.Region | None = None) -> None:
    """Draw the 3D viewports again, all but one that is just being drawn."""
    for area in viewports():
        for region in area.regions:
            if region.type == "WINDOW" and region != but:
                region.tag_redraw()
