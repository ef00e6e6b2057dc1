"""What the artist selects or deletes counts for the panel, too: a NeRF's Empty, a camera."""

from __future__ import annotations

from typing import Any

import bpy

from ..handlers import Handlers
from ..properties import is_nerf
from .nerf import read_old_facts


class _Last:
    """The object that was active when Blender told of a change last."""

    active = 0


def follow_choice(*_: Any) -> None:
    """Work on the NeRF whose Empty has just become the active object; let go of a deleted camera.

    Only a change counts, so that the panel's own choice of a NeRF stays.
    """
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


def _on_load(*_: Any) -> None:
    layer = bpy.context.view_layer
    active = layer.objects.active if layer is not None else None
    _Last.active = active.session_uid if active is not None else 0
    for nerf in [thing for thing in bpy.data.objects if is_nerf(None, thing)]:
        read_old_facts(nerf)


_handlers = Handlers(depsgraph_update_post=follow_choice, load_post=_on_load)
register, unregister = _handlers.register, _handlers.unregister
