"""Runs inside Blender (``--python``): executes each command file that appears and answers.

A command is Python source; what it prints is the answer. Nothing is in its way while an operator
is modal, as it runs from a timer.
"""

import contextlib
import io
import json
import os
import time
import traceback

import bpy

FOLDER = os.environ["SA3D_WINDOW_IO"]
NAMES = {"bpy": bpy, "json": json, "os": os, "time": time}


def view3d():
    """Window, 3D viewport and its regions by type."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    return window, area, {region.type: region for region in area.regions}


def poll():
    """Execute a command when there is one."""
    path = os.path.join(FOLDER, "command.py")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            source = file.read()
        os.remove(path)
        printed, error = io.StringIO(), ""
        with contextlib.redirect_stdout(printed):
            try:
                exec(compile(source, "command", "exec"), NAMES)
            except Exception:
                error = traceback.format_exc()
        part = os.path.join(FOLDER, "answer.part")
        with open(part, "w", encoding="utf-8") as file:
            json.dump({"printed": printed.getvalue(), "error": error}, file)
        os.replace(part, os.path.join(FOLDER, "answer.json"))
    return 0.03


NAMES["view3d"] = view3d
bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(poll, first_interval=0.2, persistent=True)
