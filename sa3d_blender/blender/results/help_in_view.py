"""Back to a view of the last run, with what it saw and cut there, to click where it is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
import numpy as np

from ...core.cameras import Camera
from ...core.errors import UserError
from ..clicking import run_masks
from ..clicking.found_objects import made_as
from ..clicking.prompts import active_object, prompt_empties
from ..engine_link import jobs, session
from ..engine_link.job_steps import Job, Steps
from ..folders import output_folder
from ..nerf.nerf import box_size, group, parent_to, require_nerf
from ..nerf.seen_view import seen_camera, stand_at
from ..nerf.views import load_picture, png_of, show_view
from ..properties import SA3D_SegmentObject
from ..redraw import redraw_scenes
from ..references import Reference, refer
from .doubts import GONE
from .kept_results import REPORT

KIND = "HELP_CAMERA"


def help_in_view(
    nerf: bpy.types.Object | None = None,
    object_name: str | None = None,
    view: int | None = None,
    *,
    wait: bool = True,
) -> bpy.types.Object | Job[Any]:
    """Put a camera where the last run disagreed with itself, with its picture and the mask there.

    It becomes the scene's camera, and new prompts are for that object. A prompt set there is part
    of the next run, which takes all else from the last one.

    Args:
        object_name: the active one when not given.
        view: its number in the list (``objects[...].doubt.views``); the worst when not given.

    Returns:
        The camera, or without ``wait`` the job.

    Raises:
        UserError: the list has no such view, or the run's pictures are gone.
    """
    scene = bpy.context.scene
    nerf = nerf or require_nerf(scene)
    facts = nerf.sa3d.nerf
    entry = facts.objects.get(object_name) if object_name else active_object(nerf)
    listed = [line.view for line in entry.doubt.views] if entry is not None else []
    if view is None and listed:
        view = listed[0]
    if entry is None or view not in listed or entry.result is None:
        which = "no view" if view is None else f"no view {view}"
        raise UserError(
            f"The last run lists {which} in which a click would help; click where it is wrong.",
            code="no_such_view",
        )
    params = {"report": str(_report_file(nerf, entry)), "object": made_as(entry), "view": view}
    params["out"] = str(Path(bpy.app.tempdir) / "sa3d" / "view")
    steps = _help(refer(nerf), refer(scene), entry.key, params)
    return jobs.run("Opening the view", steps, wait, refer(nerf))


def _report_file(nerf: bpy.types.Object, entry: SA3D_SegmentObject) -> Path:
    """The run's report; beside the .blend when that was moved."""
    places = (Path(bpy.path.abspath(entry.doubt.report)), output_folder(nerf) / REPORT)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise _gone(entry)
    return found


def _gone(entry: SA3D_SegmentObject) -> UserError:
    entry.doubt.gone = True
    return UserError(GONE, code="view_gone")


def _help(
    nerf: Reference[bpy.types.Object],
    scene: Reference[bpy.types.Scene],
    key: str,
    params: dict[str, Any],
) -> Steps[Reference[bpy.types.Object]]:
    try:
        found = yield from session.ask("view", params)
    except UserError as error:
        entry = _entry(nerf.get(), key)
        if error.code in ("view_gone", "missing_file") and entry is not None:
            raise _gone(entry) from error
        raise
    seen = Camera.from_json(found["camera"])
    png, mask = yield from session.in_thread(lambda: _read(found))
    target = nerf.get()
    camera = _camera_at(scene.get(), target, seen, params["view"])
    show_view(target, camera, png, (seen.width, seen.height), seen)
    run_masks.show(camera, key, mask)
    scene.get().camera = camera
    keys = [entry.key for entry in target.sa3d.nerf.objects]
    if key in keys:
        target.sa3d.nerf.active_object = keys.index(key)
    bpy.ops.ed.undo_push(message="Help in View")
    redraw_scenes()
    return refer(camera)


def _read(found: dict[str, Any]) -> tuple[bytes, np.ndarray]:
    """The picture as a PNG, and the mask, bool [h w]. No bpy."""
    try:
        mask = np.load(Path(found["mask"]), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"The view's mask cannot be read ({error}); try again.") from error
    return png_of(load_picture(Path(found["image"]))), mask.astype(bool)


def _entry(nerf: bpy.types.Object, key: str) -> SA3D_SegmentObject | None:
    return next((entry for entry in nerf.sa3d.nerf.objects if entry.key == key), None)


def _camera_at(
    scene: bpy.types.Scene, nerf: bpy.types.Object, seen: Camera, view: int
) -> bpy.types.Object:
    """A camera of the add-on's own where the run looked.

    The one that stands there already, else one through which no prompt points, else a new one.
    """
    collection = group(nerf, "help")
    pointed = {empty.sa3d.prompt.camera for empty in prompt_empties(nerf)}
    own = [thing for thing in collection.objects if thing.sa3d.kind == KIND]
    there = json.dumps(seen.to_json())
    same = (one for one in own if one.sa3d.seen == there and seen_camera(one) is not None)
    free = (one for one in own if one not in pointed)
    camera = next(same, None) or next(free, None)
    if camera is None:
        camera = bpy.data.objects.new("View", bpy.data.cameras.new("View"))
        camera.sa3d.kind = KIND
        collection.objects.link(camera)
    camera.name = camera.data.name = f"{nerf.name} View {view}"
    if camera.sa3d.view is not None:
        camera.sa3d.view.name = f"{nerf.name} from {camera.name}"
    parent_to(nerf, camera)
    stand_at(scene, camera, seen)
    reach = float(np.linalg.norm(box_size(nerf))) + float(np.linalg.norm(seen.origin))
    reach *= nerf.matrix_world.median_scale
    camera.data.clip_end = max(camera.data.clip_end, 4 * reach)
    camera.data.display_size = 0.05 * float(box_size(nerf).max())
    return camera
