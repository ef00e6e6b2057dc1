"""Mesh settings of single objects, which go before the NeRF's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bpy

from ...core.errors import UserError
from ..nerf.nerf import mesh_settings, require_nerf
from ..properties import SA3D_SegmentObject
from .mesh_properties import MeshSize, SA3D_OwnMesh, Surface


def use_own_mesh(
    nerf: bpy.types.Object | None = None, *, object_name: str, use: bool = True
) -> SA3D_OwnMesh:
    """Give an object of the list mesh settings of its own, or have it follow the NeRF's again.

    They begin as the NeRF's, so that nothing changes until one of them is changed. What the artist
    once chose is remembered while it is not used.

    Returns:
        The object's settings: ``resolution``, ``max_faces``, ``threshold``, ``density``,
        ``texture``.

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
    facts = nerf.sa3d.nerf
    own = entry.own_mesh if entry is not None and entry.own_mesh.use else None
    if entry is not None:
        row = layout.row()
        row.alignment = "LEFT"
        switch = row.operator(
            "sa3d.own_mesh",
            text=f"Own Settings for {entry.name}",
            icon="CHECKBOX_HLT" if own is not None else "CHECKBOX_DEHLT",
            emboss=False,
        )
        switch.name = entry.name
    size, surface = (facts, facts.surface) if own is None else (own, own)
    for source, kind in ((size, MeshSize), (surface, Surface)):
        for name in kind.__annotations__:
            layout.prop(source, name)
