"""The add-on's preferences: the engine, the weights, and which Python runs the engine."""

import os

import bpy
from bpy.props import StringProperty

from ...core.errors import UserError
from ..engine_link.chosen_python import ENVIRONMENT_VARIABLE, chosen_python
from ..folders import ADDON
from ..help.wrapped_text import PREFERENCES, wrapped
from .installation_panels import draw_all_weights, draw_end, draw_engine, draw_running


class SA3D_Preferences(bpy.types.AddonPreferences):
    """Edit > Preferences > Add-ons > SA3D."""

    bl_idname = ADDON

    engine_python: StringProperty(
        name="Engine Python",
        description="For experts: a Python that has the engine's packages, such as torch. "
        "Empty: the one that Set Up makes",
        subtype="FILE_PATH",
    )
    storage: StringProperty(
        name="Engine Folder",
        description="Where the engine and the weights go, as to a larger disk. "
        "Empty: Blender's folder for the add-on",
        subtype="DIR_PATH",
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """The engine, the weights, and paths for experts."""
        layout = self.layout
        try:
            draw_running(layout, PREFERENCES)
            draw_end(layout)
            draw_engine(layout, is_used=not chosen_python())
            draw_all_weights(layout)
        except UserError as error:
            wrapped(layout, str(error), "ERROR", PREFERENCES)
        if os.environ.get(ENVIRONMENT_VARIABLE):
            layout.label(text=f"{ENVIRONMENT_VARIABLE} is set and is used instead", icon="INFO")
        elif self.engine_python:
            layout.label(text="The Python below is used instead of the engine above", icon="INFO")
        layout.use_property_split = True
        layout.prop(self, "engine_python")
        layout.prop(self, "storage")


register, unregister = bpy.utils.register_classes_factory((SA3D_Preferences,))
