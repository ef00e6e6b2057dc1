"""The add-on's preferences: which Python runs the engine."""

import os
from pathlib import Path

import bpy
from bpy.props import StringProperty

from . import session

ADDON = __package__.rpartition(".")[0]
ENVIRONMENT_VARIABLE = "SA3D_ENGINE_PYTHON"


class SA3D_Preferences(bpy.types.AddonPreferences):
    """Edit > Preferences > Add-ons > SA3D."""

    bl_idname = ADDON

    engine_python: StringProperty(
        name="Engine Python",
        description="The Python that has the engine's packages, such as torch",
        subtype="FILE_PATH",
    )

    def draw(self, _context: bpy.types.Context) -> None:
        """Path, state, start and stop."""
        layout = self.layout
        layout.use_property_split = True
        if os.environ.get(ENVIRONMENT_VARIABLE):
            layout.label(text=f"{ENVIRONMENT_VARIABLE} is set and is used instead", icon="INFO")
        layout.prop(self, "engine_python")
        row = layout.row()
        row.label(text=session.engine_state())
        row.operator("sa3d.start_engine")
        row.operator("sa3d.stop_engine")


def engine_python() -> str:
    """The engine's Python: the environment variable, else the preference, else nothing."""
    from_environment = os.environ.get(ENVIRONMENT_VARIABLE)
    if from_environment:
        return from_environment
    addon = bpy.context.preferences.addons.get(ADDON)
    preferences = addon.preferences if addon else None
    return bpy.path.abspath(preferences.engine_python) if preferences else ""


def log_file() -> Path | None:
    """Where the engine's log goes; None where the add-on has no folder of its own."""
    try:
        folder = bpy.utils.extension_path_user(ADDON, path="log", create=True)
    except (ValueError, OSError):
        return None
    return Path(folder) / "engine.log"


register, unregister = bpy.utils.register_classes_factory((SA3D_Preferences,))
