"""The panel of the results: what there is, and how its surface is made."""

from __future__ import annotations

import bpy

from ..clicking.prompts import active_object
from ..help.job_bar import draw_bar_instead
from ..help.wrapped_text import wrapped
from ..results.doubts import draw_doubt
from ..results.looks import colors_are_changed, results_of
from ..results.own_meshes import draw_mesh_settings
from ..results.result_actions import has_mesh
from ..results.solid_colors import is_textured, where_seen
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
            _draw_looks(layout, nerf)
            _draw_rest(layout, nerf)
        layout.operator("sa3d.import_mesh", icon="IMPORT")


def _draw_mesh(layout: bpy.types.UILayout, name: str, owner: bpy.types.PropertyGroup) -> None:
    mesh = owner.result.data
    textured = ", textured" if mesh.uv_layers else ""
    layout.label(text=f"{name}: {len(mesh.polygons):,} faces{textured}", icon="MESH_DATA")
    if owner.result.sa3d.lost:
        wrapped(layout, owner.result.sa3d.lost, "ERROR")


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


def _draw_looks(layout: bpy.types.UILayout, nerf: bpy.types.Object) -> None:
    header, body = layout.panel("sa3d_looks", default_closed=True)
    header.label(text="Origin and Material")
    if not body:
        return
    facts, results = nerf.sa3d.nerf, results_of(nerf)
    for operator, name in (("sa3d.set_origin", "origin"), ("sa3d.set_look", "look")):
        item = facts.bl_rna.properties[name].enum_items[getattr(facts, name)]
        text = f"{facts.bl_rna.properties[name].name}: {item.name}"
        body.operator_menu_enum(operator, name, text=text, icon=item.icon)
    if any(map(is_textured, results)):
        wrapped(body, where_seen(results), "INFO")
    if colors_are_changed(bpy.context.scene, nerf):
        wrapped(body, "The scene's View Transform changes these colours", "INFO")
        body.operator("sa3d.standard_colors", icon="COLOR")


def _draw_rest(layout: bpy.types.UILayout, nerf: bpy.types.Object) -> None:
    header, body = layout.panel("sa3d_rest", default_closed=True)
    header.label(text="Rest of the Scene")
    if not body:  # one click is enough for it
        header.operator("sa3d.rest_of_scene", text="", icon="SCENE_DATA")
    else:
        body.prop(nerf.sa3d.nerf.rest, "resolution")
        body.prop(nerf.sa3d.nerf.rest, "max_faces")
        if not draw_bar_instead(body, "sa3d.rest_of_scene"):
            body.operator("sa3d.rest_of_scene", text="Make Mesh", icon="SCENE_DATA")


register, unregister = bpy.utils.register_classes_factory((SA3D_PT_result,))
