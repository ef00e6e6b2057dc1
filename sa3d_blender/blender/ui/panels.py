"""The sidebar: one tab with the workflow in order."""

from __future__ import annotations

import bpy

from ...core.field_kinds import FIELD_KINDS
from ...core.segmenters import AUTOMATIC, segmenter_spec
from ..clicking import live_masks
from ..clicking.object_states import state_words
from ..clicking.prompts import active_object, prompt_empties
from ..clicking.second_camera import candidate
from ..help.cures import LIVE_CURES, cure_of, draw_cure
from ..help.job_bar import draw_bar_instead
from ..help.wrapped_text import wrapped
from ..nerf.in_the_box import in_the_way
from ..nerf.nerf import is_forward_facing, scene_nerf
from ..nerf.picture_state import PictureState
from ..nerf.views import active_camera, state_of_picture
from ..properties import BOX, NEGATIVE, POSITIVE, SA3D_SegmentObject
from ..results.own_meshes import draw_own_mesh, draw_usual_size
from ..scene.upright import lies_on_its_side
from ..viewport import point_proxy, progressive_view, viewport_preview
from .installation_panels import draw_automatic, draw_missing_weights
from .main_panel import Tab


class Section(Tab):
    """A numbered step under the tab's main panel."""

    bl_parent_id = "SA3D_PT_main"

    def draw(self, context: bpy.types.Context) -> None:
        """Set the layout up and leave the rest to the step."""
        self.layout.use_property_split = True
        self.layout.use_property_decorate = False
        self.draw_step(context, self.layout, scene_nerf(context.scene))

    def draw_step(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        nerf: bpy.types.Object | None,
    ) -> None:
        """What the step has."""
        raise NotImplementedError


class SA3D_PT_nerf(Section, bpy.types.Panel):
    """Step 1."""

    bl_label = "1. NeRF"

    def draw_step(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        nerf: bpy.types.Object | None,
    ) -> None:
        """Which NeRF, and what is known about it."""
        row = layout.row(align=True)
        row.use_property_split = False
        row.prop(context.scene.sa3d, "nerf", text="")
        row.operator("sa3d.load_nerf", text="", icon="FILE_FOLDER")
        row.menu("SA3D_MT_recent", text="", icon="DOWNARROW_HLT")
        if nerf is None:
            return
        facts = nerf.sa3d.nerf
        wrapped(layout, facts.title or facts.family, "VOLUME_DATA")
        standing = in_the_way(nerf)
        if standing:
            box = layout.box()
            wrapped(box, standing, "INFO")
            box.operator("sa3d.hide_in_box", text="Hide", icon="HIDE_ON")
        if lies_on_its_side(nerf):
            layout.operator("sa3d.stand_upright", icon="EMPTY_SINGLE_ARROW")
        row = layout.row(align=True)
        row.use_property_split = False
        notice = point_proxy.notice(nerf)
        coming = notice == point_proxy.ON_THEIR_WAY
        row.prop(facts, "show_points", text="Points Are Coming" if coming else "Show Points")
        row.operator("sa3d.points_to_object", text="", icon="OUTLINER_DATA_MESH")
        if notice and not coming:
            wrapped(layout, notice, "INFO")
        row = layout.row(align=True)
        count = facts.training_count if facts.training_file else 0
        row.label(text=f"{count or 'No'} training cameras", icon="CAMERA_DATA")
        row.operator("sa3d.add_own_cameras", text="", icon="IMPORT")
        row.operator("sa3d.load_training_cameras", text="", icon="FILE_FOLDER")
        header, body = layout.panel("sa3d_nerf_details", default_closed=True)
        header.label(text="Details")
        if body:
            body.prop(facts, "checkpoint")
            body.prop(facts, "training_file")
            body.prop(facts, "scene")
            body.prop(facts, "background")
            if facts.scene == "forward_facing" or is_forward_facing(nerf):
                body.prop(facts, "ndc_focal")
                body.prop(facts, "ndc_aspect")
            kind = FIELD_KINDS.get(facts.family)
            for name in kind.own_options if kind is not None else ():
                body.prop(facts, name)
            for note in (*facts.notes.splitlines(), *facts.training_notes.splitlines()):
                wrapped(body, note, "INFO")


class SA3D_PT_view(Section, bpy.types.Panel):
    """Step 2."""

    bl_label = "2. View"

    def draw_step(
        self,
        context: bpy.types.Context,
        layout: bpy.types.UILayout,
        nerf: bpy.types.Object | None,
    ) -> None:
        """Which camera, and its picture."""
        row = layout.row(align=True)
        row.use_property_split = False
        row.prop(context.scene, "camera", text="")
        row.operator("sa3d.add_camera", text="", icon="ADD")
        row = layout.row(align=True)
        row.operator("sa3d.render_view", icon="IMAGE_BACKGROUND")
        following = viewport_preview.following
        row.operator("sa3d.follow_camera", text="Follow", icon="VIEW_CAMERA", depress=following.on)
        word = following.message or _picture_word(context, nerf)
        wrapped(layout, word, "ERROR" if word else "BLANK1", lines=1)


_PICTURES = {
    PictureState.old: "Old picture: render it again",
    PictureState.rough: "Rough picture: render it again",
}
"""In one line."""


def _picture_word(context: bpy.types.Context, nerf: bpy.types.Object | None) -> str:
    """What is to be said of the active camera's picture."""
    camera = active_camera(context.scene)
    if nerf is None or camera is None or camera.sa3d.view is None:
        return ""
    if progressive_view.is_rendering():
        return ""
    return _PICTURES.get(state_of_picture(context.scene, nerf, camera), "")


class SA3D_UL_objects(bpy.types.UIList):
    """The objects to cut out."""

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _data: object,
        item: SA3D_SegmentObject,
        _icon: int,
        _active_data: object,
        _active_property: str,
    ) -> None:
        """Its colour and name, how many prompts it has, and its state, which is also its button."""
        row = layout.row(align=True)
        swatch = row.row()
        swatch.ui_units_x = 1.0
        swatch.prop(item, "color", text="")
        row.prop(item, "name", text="", emboss=False)
        count = len(prompt_empties(item.id_data, key=item.key))
        counted = row.row()
        counted.alignment = "RIGHT"
        counted.label(text=str(count) if count else "")
        _, icon = state_words(item)
        run = row.operator("sa3d.segment_object", text="", icon=icon, emboss=False)
        run.name = item.name


class SA3D_PT_prompts(Section, bpy.types.Panel):
    """Step 3."""

    bl_label = "3. Prompts"

    def draw_step(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        nerf: bpy.types.Object | None,
    ) -> None:
        """The objects, their prompts, and ways to set more."""
        if nerf is not None:
            facts = nerf.sa3d.nerf
            row = layout.row()
            row.template_list(
                "SA3D_UL_objects", "", facts, "objects", facts, "active_object", rows=2
            )
            column = row.column(align=True)
            column.operator("sa3d.add_object", text="", icon="ADD")
            column.operator("sa3d.remove_object", text="", icon="REMOVE")
            column.separator()
            column.operator("sa3d.clear_prompts", text="", icon="TRASH")
        entry = active_object(nerf) if nerf is not None else None
        if entry is not None:
            _draw_prompts(layout, nerf, entry)
        layout.operator("sa3d.pick_prompts", icon="EYEDROPPER")
        if entry is not None:
            header, body = layout.panel("sa3d_object_mesh", default_closed=True)
            header.label(text=f"Mesh of {entry.name}")
            if body:
                draw_own_mesh(body, entry)


def _draw_prompts(
    layout: bpy.types.UILayout, nerf: bpy.types.Object, entry: SA3D_SegmentObject
) -> None:
    """What an object's prompts are, its mask, and what is wrong with them."""
    answer, error = live_masks.live.answers.get(entry.key), live_masks.live.error
    if error is not None:
        wrapped(layout, str(error), "ERROR", lines=2)
    else:
        _draw_state(layout.column(align=True), nerf, entry)
    row = layout.row(align=True)
    cure = cure_of(error, LIVE_CURES) if error is not None else None
    if cure is not None:
        draw_cure(row, cure)
    elif answer is not None:
        count = len(answer.masks)
        text = f"Mask {candidate(entry, bpy.context.scene.camera, count) + 1} of {count}"
        if count > 1:
            row.operator("sa3d.next_mask", text=text, icon="FILE_REFRESH")
        else:
            row.label(text="This is the only mask", icon="MOD_MASK")
    else:
        row.label(text="No mask yet", icon="BLANK1")
    if error is not None:
        row.operator("sa3d.copy_report", text="", icon="COPYDOWN").sentence = str(error)
        row.operator("sa3d.view_log", text="", icon="TEXT")


def _draw_state(
    layout: bpy.types.UILayout, nerf: bpy.types.Object, entry: SA3D_SegmentObject
) -> None:
    """An object's state, and how many prompts of each kind it has."""
    sentence, icon = state_words(entry)
    layout.label(text=sentence, icon=icon)
    labels = [empty.sa3d.prompt.label for empty in prompt_empties(nerf, key=entry.key)]
    row = layout.row()
    row.use_property_split = False
    for label, sign in ((POSITIVE, "ADD"), (NEGATIVE, "REMOVE"), (BOX, "SHADING_BBOX")):
        row.label(text=str(labels.count(label)), icon=sign)


class SA3D_PT_segment(Section, bpy.types.Panel):
    """Step 4."""

    bl_label = "4. Segment"

    def draw_step(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        nerf: bpy.types.Object | None,
    ) -> None:
        """The segmenter, settings for experts, and the button."""
        if nerf is not None:
            facts = nerf.sa3d.nerf
            layout.prop(facts, "segmenter")
            if facts.segmenter == AUTOMATIC:
                draw_automatic(layout)
            elif segmenter_spec(facts.segmenter).weights is not None:
                layout.prop(facts, "weights")
                if not facts.weights:
                    draw_missing_weights(layout, facts.segmenter)
            header, body = layout.panel("sa3d_segment_details", default_closed=True)
            header.label(text="Quality")
            if body:
                for name in ("views", "view_size", "reference"):
                    body.prop(facts, name)
                draw_usual_size(body, nerf)
        if not draw_bar_instead(layout, "sa3d.segment", "sa3d.segment_object"):
            layout.operator("sa3d.segment", icon="MOD_EXPLODE")


_CLASSES = (
    SA3D_PT_nerf,
    SA3D_PT_view,
    SA3D_UL_objects,
    SA3D_PT_prompts,
    SA3D_PT_segment,
)
register, unregister = bpy.utils.register_classes_factory(_CLASSES)
