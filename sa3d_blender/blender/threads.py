"""Who may touch Blender's data: the main thread alone."""

from __future__ import annotations

import threading


def on_main_thread() -> bool:
    """Whether this is Blender's main thread.

    Handlers of ``depsgraph_update_post`` and ``frame_change_post`` are also called by the thread
    of a render, of what that evaluates. Blender's timers and its data have no lock: a handler that
    changes the scene or registers a timer there may crash what the main thread does at that moment.
    """
    return threading.current_thread() is threading.main_thread()
