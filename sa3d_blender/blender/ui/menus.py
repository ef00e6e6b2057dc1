"""Everything in Blender's own menus, where F3 looks for it: Object > SA3D, and Add > NeRF."""

import bpy

from ..properties import is_nerf

GROUPS = (
    ("load_nerf", "find_checkpoint", "load_training_cameras", "add_own_cameras", "stand_upright"),
    ("frame_nerf", "hide_in_box", "points_to_object"),
    ("add_camera", "render_view", "follow_camera"),
    ("pick_prompts", "next_mask", "remove_last_prompt", "clear_prompts"),
    ("add_object", "remove_object"),
    ("segment", "segment_object", "cancel"),
    ("remesh", "bake_texture", "rest_of_scene", "help_in_view", "own_mesh", "import_mesh"),
    ("set_origin", "set_look", "standard_colors"),
    ("save_batch_job", "import_batch_results"),
    ("set_up_engine", "check_engine", "remove_engine", "download_weights", "remove_weights"),
    ("start_engine", "stop_engine", "unload", "smaller_views", "clear_cache", "clear_recent"),
    ("view_log", "open_log", "copy_report"),
)
"""Operators without their ``sa3d.``, in the order of the work."""
TEXTS = {
    "add_own_cameras": "Add the NeRF's Own Cameras",
    "cancel": "Cancel Job",
    "next_mask": "Take Another Mask",
    "rest_of_scene": "Mesh of the Rest of the Scene",
    "unload": "Free the Engine's Memory",
    "view_log": "View Engine Log",
    "open_log": "Open Engine Log",
    "smaller_views": "Use Smaller Views in Runs",
}
"""What they are called here, where no panel says what they are about."""
CHOICES = {"set_origin": "origin", "set_look": "look"}
"""Those that are menus of what they can be set to."""


class SA3D_MT_all(bpy.types.Menu):
    """All that the add-on does; F3 finds it as SA3D."""

    bl_idname = "SA3D_MT_all"
    bl_label = "SA3D"

    def draw(self, _context: bpy.types.Context) -> None:
        """The operators, in groups."""
        layout = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        for number, group in enumerate(GROUPS):
            if number:
                layout.separator()
            for name in group:
                if name in CHOICES:
                    layout.operator_menu_enum(f"sa3d.{name}", CHOICES[name])
                else:
                    layout.operator(f"sa3d.{name}", **_text(name))


def _text(name: str) -> dict[str, str]:
    return {"text": TEXTS[name]} if name in TEXTS else {}


def _draw_in_object(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.separator()
    self.layout.menu("SA3D_MT_all", icon="VOLUME_DATA")


def _draw_in_add(self: bpy.types.Menu, _context: bpy.types.Context) -> None:
    self.layout.operator_context = "INVOKE_DEFAULT"
    self.layout.operator("sa3d.load_nerf", text="NeRF", icon="VOLUME_DATA")


def _draw_on_nerf(self: bpy.types.Menu, context: bpy.types.Context) -> None:
    clicked = context.active_object
    if clicked is not None and is_nerf(None, clicked):
        self.layout.separator()
        self.layout.operator("sa3d.frame_nerf")


_register, _unregister = bpy.utils.register_classes_factory((SA3D_MT_all,))
_PLACES = (
    ("VIEW3D_MT_object", _draw_in_object),
    ("VIEW3D_MT_add", _draw_in_add),
    ("VIEW3D_MT_object_context_menu", _draw_on_nerf),
)


def register() -> None:
    """Register the menu and put it in its places."""
    _register()
    for name, draw in _PLACES:
        getattr(bpy.types, name).append(draw)


def unregister() -> None:
    """Take everything back."""
    for name, draw in _PLACES:
        getattr(bpy.types, name).remove(draw)
    _unregister()
