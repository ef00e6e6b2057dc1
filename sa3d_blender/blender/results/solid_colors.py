"""Viewports in Solid mode show the colours of what was made: of the vertices, or of a texture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import bpy

PLAIN = {"MATERIAL", "VERTEX", "TEXTURE"}
"""Kinds of colour that give way; an artist who shows random or single colours keeps them."""


def show_colors(meshes: Sequence[bpy.types.Object]) -> None:
    """Have viewports show these meshes' textures if all of them have one, else vertex colours."""
    textured = bool(meshes) and all(is_textured(thing) for thing in meshes)
    for shading in _shadings():
        if shading.color_type in PLAIN:
            shading.color_type = "TEXTURE" if textured else "VERTEX"


def is_textured(thing: bpy.types.Object) -> bool:
    """Whether a mesh has a texture."""
    return bool(thing.data.uv_layers)


def where_seen(meshes: Sequence[bpy.types.Object]) -> str:
    """Where a baked texture is seen, as a sentence."""
    solid = bool(meshes) and all(map(is_textured, meshes))
    places = "Solid mode (Color: Texture), " if solid else ""
    return f"The texture is seen in {places}Material Preview and renders"


def _shadings() -> Iterator[Any]:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                yield area.spaces.active.shading
