"""Training cameras as Blender's camera objects, in their own collection under the NeRF's Empty."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import bpy
from mathutils import Matrix

from ...core.cameras import Camera
from ..engine_link import session
from ..engine_link.job_steps import Steps
from ..references import Reference, refer
from ..undo_steps import undo_step
from .lens import set_lens
from .nerf import box_size, fit_box, group, parent_to

MOST_SHOWN = 300
"""More camera objects would hide the scene and slow Blender down; runs use all cameras."""
KIND = "TRAINING_CAMERA"


def load_steps(
    nerf: Reference[bpy.types.Object],
    scene: Reference[bpy.types.Scene],
    params: dict[str, Any],
    use_resolution: bool,
) -> Steps[list[Reference[bpy.types.Object]]]:
    """The job behind `api.load_training_cameras`; ``params`` are its request."""
    found = yield from session.ask("training_cameras", params)
    cameras = [(entry["name"], Camera.from_json(entry)) for entry in found["cameras"]]
    target = nerf.get()
    facts = target.sa3d.nerf
    facts.training_file = params["file"]
    facts.training_notes = "\n".join(found["notes"])
    facts.training_count = len(cameras)
    if found["box"] is not None:  # the cameras tell what was guessed about the lens
        facts.ndc_focal, facts.ndc_aspect = found["ndc_focal"], found["ndc_aspect"]
        facts.notes = "\n".join(note for note in facts.notes.splitlines() if not _guesses(note))
        fit_box(target, found["box"])
    if use_resolution:
        _use_resolution(scene.get(), cameras[0][1])
    shown = _spread(cameras)
    made = _replace_cameras(target, scene.get(), shown)
    undo_step("Load Training Cameras")
    return [refer(camera) for camera in made]


def _guesses(note: str) -> bool:
    """Whether a note says what was assumed of the photographs' lens, which now is known."""
    return "the training" in note.lower() and "is not in the file" in note


def _spread(cameras: Sequence[tuple[str, Camera]]) -> list[tuple[str, Camera]]:
    """All of them, or as many as are shown, evenly."""
    count = min(len(cameras), MOST_SHOWN)
    return [cameras[number * len(cameras) // count] for number in range(count)]


def _use_resolution(scene: bpy.types.Scene, camera: Camera) -> None:
    render = scene.render
    render.resolution_x, render.resolution_y = camera.width, camera.height
    render.resolution_percentage = 100
    stretch = camera.fl_x / camera.fl_y
    render.pixel_aspect_x, render.pixel_aspect_y = max(1.0, 1 / stretch), max(1.0, stretch)


def _replace_cameras(
    nerf: bpy.types.Object, scene: bpy.types.Scene, cameras: Sequence[tuple[str, Camera]]
) -> list[bpy.types.Object]:
    collection = group(nerf, "training")
    was_active = scene.camera.name if scene.camera in list(collection.objects) else None
    for old in [thing for thing in collection.objects if thing.sa3d.kind == KIND]:
        bpy.data.cameras.remove(old.data)  # the object goes with it
    made = [_add_camera(nerf, collection, name, camera) for name, camera in cameras]
    if was_active is not None:
        scene.camera = next((camera for camera in made if camera.name == was_active), made[0])
    return made


def _add_camera(
    nerf: bpy.types.Object, collection: bpy.types.Collection, name: str, camera: Camera
) -> bpy.types.Object:
    lens = bpy.data.cameras.new(PurePosixPath(name.replace("\\", "/")).stem)
    set_lens(lens, camera)
    lens.display_size = 0.05 * float(box_size(nerf).max())
    made = bpy.data.objects.new(lens.name, lens)
    made.sa3d.kind = KIND
    collection.objects.link(made)
    parent_to(nerf, made)
    made.matrix_basis = Matrix(camera.field_from_camera.tolist())
    return made


def remembered(nerf: bpy.types.Object) -> dict[str, str]:
    """The part of a ``segment`` request that names the file of the training cameras, if any."""
    file = nerf.sa3d.nerf.training_file
    return {"training_cameras": str(Path(bpy.path.abspath(file)))} if file else {}
