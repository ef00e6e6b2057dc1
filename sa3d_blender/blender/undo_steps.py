"""Undo steps for what jobs made, which Blender's redo panel cannot take back.

That panel undoes its operator before it does it again, and with it all that came later: also a
result that took minutes, and no redo brings that back. So each step is an operator of its own. It
has no settings, and the panel goes away.
"""

from __future__ import annotations

from operator import attrgetter

import bpy

MESSAGES = (
    "Load NeRF",
    "Load Training Cameras",
    "Segment",
    "Remesh",
    "Rest of the Scene",
    "Import Mesh",
    "Import Batch Results",
)


def undo_step(message: str) -> None:
    """Make an undo step of what was done since the last one.

    Args:
        message: its name in the Undo History; one of `MESSAGES`.
    """
    name = _name(message)
    attrgetter(f"sa3d.{name}")(bpy.ops)("EXEC_DEFAULT", True)
    done = bpy.context.window_manager.operators
    if not done or done[-1].bl_idname != f"SA3D_OT_{name}":  # another operator is under way
        bpy.ops.ed.undo_push(message=message)


def _name(message: str) -> str:
    return f"did_{message.lower().replace(' ', '_')}"


def _nothing(_self: bpy.types.Operator, _context: bpy.types.Context) -> set[str]:
    return {"FINISHED"}


def _step(message: str) -> type[bpy.types.Operator]:
    facts = {
        "__doc__": "Mark what was done in the Undo History",
        "bl_idname": f"sa3d.{_name(message)}",
        "bl_label": message,
        "bl_options": {"REGISTER", "UNDO", "INTERNAL"},
        "execute": _nothing,
    }
    return type(f"SA3D_OT_{_name(message)}", (bpy.types.Operator,), facts)


register, unregister = bpy.utils.register_classes_factory(tuple(map(_step, MESSAGES)))
