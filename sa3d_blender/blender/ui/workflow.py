"""What can be done now, what cannot and why, and what comes next. Reads only: panels draw it."""

from __future__ import annotations

import bpy

from ..clicking.object_states import ObjectState, is_doubtful, object_state, objects_to_run
from ..clicking.prompts import active_object, points_at_object, prompt_empties
from ..clicking.run_masks import run_mask
from ..engine_link import session
from ..nerf.nerf import scene_nerf
from ..nerf.views import active_camera, was_aimed
from ..viewport.camera_frame import is_tool_active

Why = str | None
"""Why something cannot be done now, as a sentence for a tooltip; None when it can."""


def why_no_job(_context: bpy.types.Context) -> Why:
    """Only one job runs at a time."""
    return "Another job is running; wait for it or cancel it" if session.must_wait() else None


def why_no_nerf(context: bpy.types.Context) -> Why:
    """Most things need a NeRF."""
    return None if scene_nerf(context.scene) else "Load a NeRF first"


def why_no_camera(context: bpy.types.Context) -> Why:
    """Views and prompts need a perspective camera."""
    camera = active_camera(context.scene)
    if camera is None:
        return "The scene has no active camera; add one"
    return None if camera.data.type == "PERSP" else "The active camera is not a perspective camera"


def why_no_prompt(context: bpy.types.Context) -> Why:
    """Segmenting needs a prompt in the active camera's picture."""
    nerf = scene_nerf(context.scene)
    if nerf is None:
        return "Load a NeRF first"
    camera = context.scene.camera
    here = any(empty.sa3d.prompt.camera == camera for empty in prompt_empties(nerf))
    return None if here else "Put a prompt on the object first"


def why_nothing_to_segment(context: bpy.types.Context) -> Why:
    """A run needs a prompt that points at an object, in any camera's picture."""
    nerf = scene_nerf(context.scene)
    if nerf is None:
        return "Load a NeRF first"
    usable = [empty for empty in prompt_empties(nerf) if empty.sa3d.prompt.camera is not None]
    return None if points_at_object(usable) else "Put a prompt on the object first"


def why_no_viewport(context: bpy.types.Context) -> Why:
    """Clicking needs a viewport in object mode."""
    if context.area is None or context.area.type != "VIEW_3D":
        return "Use it in a 3D viewport"
    return None if context.mode == "OBJECT" else "Go back to Object Mode first"


def why_no_object(context: bpy.types.Context) -> Why:
    """Removing an object needs one in the list."""
    nerf = scene_nerf(context.scene)
    return None if nerf and active_object(nerf) else "The list of objects is empty"


def next_step(context: bpy.types.Context) -> str:
    """The operator that an artist most likely wants now; empty when the result is there."""
    nerf = scene_nerf(context.scene)
    if nerf is None:
        return "sa3d.load_nerf"
    camera = active_camera(context.scene)
    if camera is None or not was_aimed(nerf, camera):
        return "sa3d.add_camera"
    if why_nothing_to_segment(context):
        return "sa3d.render_view" if camera.sa3d.view is None else "sa3d.pick_prompts"
    if objects_to_run(nerf):
        return "sa3d.segment"
    states = {object_state(entry) for entry in nerf.sa3d.nerf.objects}
    return "sa3d.pick_prompts" if ObjectState.needs_click in states else ""


def hint(context: bpy.types.Context) -> tuple[str, str] | None:
    """What is to be done where no button does it, and an icon: a click, or a look at the result."""
    space = context.space_data
    view = space.region_3d if space is not None and space.type == "VIEW_3D" else None
    nerf, step = scene_nerf(context.scene), next_step(context)
    in_sight = view is not None and view.view_perspective == "CAMERA"
    entry, camera = active_object(nerf) if nerf else None, context.scene.camera
    if not step and in_sight and entry is not None and run_mask(camera, entry.key) is not None:
        return "Click on what the mask lacks, Ctrl-click on what it has too much", "EYEDROPPER"
    if not step and (in_sight or view is None):  # else it is looked at already
        doubtful = [entry.name for entry in nerf.sa3d.nerf.objects if is_doubtful(entry)]
        if doubtful:
            return f"Cut out, but {' and '.join(doubtful)} may be wrong: see Result", "ERROR"
        return "Cut out. Turn the view to see it from all sides", "CHECKMARK"
    if step == "sa3d.pick_prompts" and in_sight and is_tool_active(context):
        return "Click on the object", "EYEDROPPER"
    return None
