"""What the artist selects or deletes counts for the panel, too: a NeRF's Empty, a camera."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.app.handlers import persistent

from ..properties import is_nerf
from ..threads import on_main_thread


class _Last:
    """The object that was active when Blender told of a change last."""

    active = 0


@persistent
def follow_choice(*_: Any) -> None:
    """Work on the NeRF whose Empty has just become the active object; let go of a deleted camera.

    Only a change counts, so that the panel's own choice of a NeRF stays.
    """
    if not on_main_thread():
        return
    scene, layer = bpy.context.scene, bpy.context.view_layer
    if scene is None or layer is None:
        return
    if scene.camera is not None and not scene.camera.users_collection:
        scene.camera = None  # Blender keeps it while a prompt refers to it
    active = layer.objects.active
    now = active.session_uid if active is not None else 0
    if now == _Last.active:
        return
    _Last.active = now
    if active is not None and is_nerf(None, active) and scene.sa3d.nerf != active:
        scene.sa3d.nerf = active


@persistent
def _on_load(*_: Any) -> None:
    layer = bpy.context.view_layer
    active = layer.objects.active if layer is not None else None
    _Last.active = active.session_uid if active is not None else 0


def register() -> None:
    """Notice changes."""
    bpy.app.handlers.depsgraph_update_post.append(follow_choice)
    bpy.app.handlers.load_post.append(_on_load)


def unregister() -> None:
    """Take the handlers back."""
    for handlers, function in (
        (bpy.app.handlers.depsgraph_update_post, follow_choice),
        (bpy.app.handlers.load_post, _on_load),
    ):
        if function in handlers:
            handlers.remove(function)
