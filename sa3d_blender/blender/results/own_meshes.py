"""Mesh settings of single objects, which go before the NeRF's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import bpy

from ...core.errors import UserError
from ..mesh_properties import MeshSize, SA3D_OwnMesh, Surface
from ..nerf.nerf import mesh_settings, require_nerf
from ..properties import SA3D_SegmentObject

WORDS = {
    "resolution": "Cells per Length",
    "max_faces": "Most Triangles",
    "detail": "Detail",
    "smooth": "Smooth (0 to 1)",
    "threshold": "Strictness (-1 to 1)",
    "density": "Density (1: as measured)",
    "texture": "Baked Texture",
}
"""What the numbers are of, in the panel."""
FIRST = ("detail", "smooth", "texture")
"""What is chosen in a word or by eye; numbers stand below, folded away."""


def use_own_mesh(
    nerf: bpy.types.Object | None = None, *, object_name: str, use: bool = True
) -> SA3D_OwnMesh:
    """Give an object of the list mesh settings of its own, or have it follow the NeRF's again.

    They begin as the NeRF's, so that nothing changes until one of them is changed. What the artist
    once chose is remembered while it is not used.

    Returns:
        The object's settings: ``resolution``, ``max_faces``, ``detail``, ``smooth``,
        ``threshold``, ``density``, ``texture``.

    Raises:
        UserError: the list has no such object.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    entry = nerf.sa3d.nerf.objects.get(object_name)
    if entry is None:
        raise UserError(f"There is no object {object_name!r} in the list.", code="no_such_object")
    own = entry.own_mesh
    for source, kind in ((nerf.sa3d.nerf, MeshSize), (nerf.sa3d.nerf.surface, Surface)):
        for name in kind.__annotations__ if use else ():
            if not own.is_property_set(name):
                setattr(own, name, getattr(source, name))
    own.use = use
    return own


def own_mesh_params(entries: Mapping[str, SA3D_SegmentObject]) -> dict[str, Any]:
    """``own_meshes`` of a request about these entries, by the name that it knows them by."""
    own = {name: entry.own_mesh for name, entry in entries.items() if entry.own_mesh.use}
    return {"own_meshes": {name: mesh_settings(mesh, mesh) for name, mesh in own.items()}}


def draw_mesh_settings(
    layout: bpy.types.UILayout, nerf: bpy.types.Object, entry: SA3D_SegmentObject | None
) -> None:
    """A switch for the entry's own settings, and those that hold for it."""
    if entry is not None and draw_own_mesh(layout, entry):
        return
    layout.label(text=_usual_meshes(nerf), icon="MESH_DATA")
    _draw_settings(layout, nerf.sa3d.nerf, nerf.sa3d.nerf.surface)


def draw_usual_size(layout: bpy.types.UILayout, nerf: bpy.types.Object) -> None:
    """How fine meshes are without own settings, under a heading that says whose they are."""
    layout.label(text=_usual_meshes(nerf), icon="MESH_DATA")
    layout.prop(nerf.sa3d.nerf.surface, "detail", text=WORDS["detail"])
    _draw_more(layout, [(nerf.sa3d.nerf, name) for name in MeshSize.__annotations__])


def _usual_meshes(nerf: bpy.types.Object) -> str:
    """Whose meshes are made with the NeRF's settings."""
    objects = nerf.sa3d.nerf.objects
    usual = [entry.name for entry in objects if not entry.own_mesh.use]
    if len(usual) == 1:
        return f"Mesh of {usual[0]}"
    return "Meshes of All Objects" if len(usual) == len(objects) else "Meshes without Own Settings"


def draw_own_mesh(layout: bpy.types.UILayout, entry: SA3D_SegmentObject) -> bool:
    """The switch, and below it the entry's own settings while they are used; whether they are.

    Not those of all objects: whoever changed them here would change the other objects' meshes.
    """
    own = entry.own_mesh
    row = layout.row()
    row.alignment = "LEFT"
    switch = row.operator(
        "sa3d.own_mesh",
        text=f"Own Settings for {entry.name}",
        icon="CHECKBOX_HLT" if own.use else "CHECKBOX_DEHLT",
        emboss=False,
    )
    switch.name = entry.name
    if own.use:
        _draw_settings(layout, own, own)
    return bool(own.use)


def _draw_settings(layout: bpy.types.UILayout, size: Any, surface: Any) -> None:
    """Detail and what else is chosen first, the numbers below.

    Args:
        size, surface: have the properties of `MeshSize` and of `Surface`.
    """
    for name in FIRST:
        layout.prop(surface, name, text=WORDS[name])
    numbers = [name for name in Surface.__annotations__ if name not in FIRST]
    sizes = [(size, name) for name in MeshSize.__annotations__]
    _draw_more(layout, [*sizes, *((surface, name) for name in numbers)])


def _draw_more(layout: bpy.types.UILayout, properties: Sequence[tuple[Any, str]]) -> None:
    header, body = layout.panel("sa3d_more_surface", default_closed=True)
    header.label(text="More")
    if body:
        for source, name in properties:
            body.prop(source, name, text=WORDS[name])
