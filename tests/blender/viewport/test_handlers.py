"""A render's own thread calls handlers, too: there they leave Blender alone."""

from __future__ import annotations

import threading
from collections.abc import Callable

import bpy
from bl_ext.user_default.sa3d_blender.blender.clicking import live_masks
from bl_ext.user_default.sa3d_blender.blender.engine_link import loop


def call_handlers() -> None:
    """As Blender does after it evaluated something."""
    handlers = bpy.app.handlers
    depsgraph = bpy.context.view_layer.depsgraph
    for several in (handlers.depsgraph_update_post, handlers.frame_change_post):
        for handler in list(several):
            handler(bpy.context.scene, depsgraph)


def elsewhere(call: Callable[[], None]) -> None:
    thread = threading.Thread(target=call)
    thread.start()
    thread.join()


def test_on_another_thread_handlers_change_nothing_and_wake_nobody(nerf: bpy.types.Object) -> None:
    scene = bpy.context.scene
    live_masks.live.wanted, live_masks.live.changed = True, False
    other = nerf.copy()
    scene.collection.objects.link(other)
    bpy.context.view_layer.update()
    loop.leave(live_masks.asker.turn)
    live_masks.live.changed = False
    bpy.context.view_layer.objects.active = other
    elsewhere(call_handlers)
    assert scene.sa3d.nerf == nerf
    assert not live_masks.live.changed
    assert not loop.knows(live_masks.asker.turn)
    call_handlers()
    assert scene.sa3d.nerf == other
    assert loop.knows(live_masks.asker.turn)
    live_masks.forget()
