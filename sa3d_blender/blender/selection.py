"""Selecting what was just made, as Blender's own operators do."""

from __future__ import annotations

from collections.abc import Sequence

import bpy


def select_only(things: Sequence[bpy.types.Object]) -> None:
    """Select these and nothing else; the first becomes the active object.

    What a view layer does not show is left out.
    """
    layer = bpy.context.view_layer
    layer.update()
    shown = [thing for thing in things if thing.name in layer.objects]
    if not shown:
        return
    for other in layer.objects.selected[:]:
        other.select_set(False)
    for thing in shown:
        thing.select_set(True)
    layer.objects.active = shown[0]
