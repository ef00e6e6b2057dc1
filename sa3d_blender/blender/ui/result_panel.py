"""The panel of the results: what there is, and how its surface is made."""

from __future__ import annotations

import bpy

from ..clicking.prompts import active_object
from ..help.job_bar import draw_bar_instead
from ..results.doubts import draw_doubt
from ..results.own_meshes import draw_mesh_settings
from ..results.result_actions import has_mesh
from .panels import Section


class SA3D_PT_result(Section, bpy.types.Panel):
    """Step 5."""

    bl_label = "5. Result"

    def draw_step(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        nerf: bpy.types.Object | None,
    ) -> None:
        """The meshes, and other ones from the same run."""
        meshes = [entry for entry in nerf.sa3d.nerf.objects if has_mesh(entry)] if nerf else []
        for entry in meshes:
            _draw_mesh(layout, entry.name, entry)
        if meshes:
            if has_mesh(nerf.sa3d.nerf.rest):
                _draw_mesh(layout, "Rest of the Scene", nerf.sa3d.nerf.rest)
            entry = active_object(nerf)
            if entry is not None:
                draw_doubt(layout, entry)
            _draw_remesh(layout, nerf, len(meshes))
            _draw_rest(layout, nerf)
        layout.operator("sa3d.import_mesh", icon="IMPORT")


def _draw_mesh(layout: bpy.types.UILayout, name: str, owner: bpy.types.PropertyGroup) -> None:
    mesh = owner.result.data
    textured = ", textured" if mesh.uv_layers else ""
    layout.label(text=f"{name}: {len(mesh.polygons):,} faces{textured}", icon="MESH_DATA")


def _draw_remesh(layout: bpy.types.UILayout, nerf: bpy.types.Object, count: int) -> None:
    header, body = layout.panel("sa3d_remesh", default_closed=True)
    header.label(text="Surface")
    if not body:
        return
    entry = active_object(nerf)
    draw_mesh_settings(body, nerf, entry)
    if draw_bar_instead(body, "sa3d.remesh"):
        return
    row = body.row(align=True)
    if count > 1 and entry is not None and has_mesh(entry):
        row.operator("sa3d.remesh", text=f"Remesh {entry.name}", icon="MOD_REMESH")
        row.operator("sa3d.remesh", text="All").every = True
    else:
        row.operator("sa3d.remesh", icon="MOD_REMESH")


def _draw_rest(layout: bpy.types.UILayout, nerf: bpy.types.Object) -> None:
    header, body = layout.panel("sa3d_rest", default_closed=True)
    header.label(text="Rest of the Scene")
    if body:
        body.prop(nerf.sa3d.nerf.rest, "resolution")
        body.prop(nerf.sa3d.nerf.rest, "max_faces")
        if not draw_bar_instead(body, "sa3d.rest_of_scene"):
            body.operator("sa3d.rest_of_scene", text="Make Mesh", icon="SCENE_DATA")


register, unregister = bpy.utils.register_classes_factory((SA3D_PT_result,))
