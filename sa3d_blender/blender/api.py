"""All that the add-on does, as functions for scripts; every operator calls one of them.

Long ones take ``wait``: with True (the default) they return what they made when it is there; with
False they return a `Job` at once and Blender's timer, or `session.pump`, moves it on.

    api.set_up_engine()  # once
    nerf = api.load_nerf("tabletop.th")
    image = api.render_view(nerf)
    api.add_prompt(nerf, x=120, y=90, object_name="mug")
    meshes = api.segment(nerf)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import bpy
from mathutils import Quaternion

from ..core.errors import UserError
from ..core.settings import FieldOptions, settings_to_json
from .batch.batch_jobs import import_batch_results, save_batch_job  # noqa: F401
from .clicking.object_states import fingerprint, while_running
from .clicking.prompt_actions import (  # noqa: F401
    add_box,
    add_object,
    add_prompt,
    clear_prompts,
    next_mask,
    remove_last_prompt,
    remove_object,
    remove_prompt,
)
from .clicking.second_camera import prompted_views
from .engine_link import engine_facts, session
from .engine_link.engine_facts import cache_size, clear_cache  # noqa: F401
from .engine_link.job_steps import Job, Steps
from .engine_link.jobs import run as _finish
from .folders import output_folder, temporary_folder
from .help.cures import copy_report, report_text, use_smaller_views  # noqa: F401
from .installation.installation import cancel as cancel_installation  # noqa: F401
from .installation.installation import (  # noqa: F401
    check_engine,
    download_weights,
    engine_status,
    remove_engine,
    remove_weights,
    set_up_engine,
)
from .nerf import training_cameras
from .nerf.framing import frame_nerf
from .nerf.in_the_box import hide_in_box  # noqa: F401
from .nerf.nerf import create_nerf, field_params, require_nerf, run_params
from .nerf.recent_files import remember_file
from .nerf.views import require_camera
from .references import Reference, refer
from .results.help_in_view import help_in_view  # noqa: F401
from .results.looks import results_of, set_look, set_origin  # noqa: F401
from .results.own_meshes import own_mesh_params, use_own_mesh  # noqa: F401
from .results.placing import place_mesh
from .results.result_actions import remesh, rest_of_scene  # noqa: F401
from .results.results import load_meshes
from .results.segment_steps import segment_steps
from .scene.moved_checkpoint import find_checkpoint  # noqa: F401
from .scene.upright import stand_upright  # noqa: F401
from .selection import select_only
from .undo_steps import undo_step
from .viewport import new_camera, point_proxy, progressive_view, viewport_preview
from .viewport.points_object import points_to_object  # noqa: F401

T = TypeVar("T")
follow_camera = viewport_preview.follow


def start_engine(*, wait: bool = True, timeout: float = 120.0) -> dict[str, Any]:
    """Start the engine unless it runs; returns what its ``hello`` says, nothing without ``wait``.

    Raises:
        UserError: its Python is missing or lacks packages.
    """
    engine = session.start_engine()
    return engine.run("hello", {}, timeout=timeout) if wait else {}


def stop_engine() -> None:
    """End the engine and whatever it was doing."""
    session.stop_engine()


def cancel() -> None:
    """Stop the running job; the scene stays as it is."""
    session.cancel()


def unload(*, wait: bool = True) -> None:
    """Have the engine forget NeRF, segmenter and pictures; it stays, and loads them when needed.

    Raises:
        UserError: a job is running (``busy``).
    """
    engine_facts.unload(wait=wait)
    viewport_preview.stop()
    point_proxy.pause()


def load_nerf(
    path: str | Path,
    *,
    scene_kind: str = "auto",
    background: str = "auto",
    ndc_focal: float | None = None,
    ndc_aspect: float | None = None,
    voxels_per_step: float | None = None,
    select: bool = False,
    wait: bool = True,
) -> bpy.types.Object | Job[Any]:
    """Load a checkpoint: an Empty that is its frame, with its box, in collections of its own.

    Viewports that look through no camera are turned to it.

    Args:
        scene_kind: ``auto``, ``bounded`` or ``forward_facing``.
        background: ``auto``, ``white`` or ``black``.
        ndc_focal, ndc_aspect, voxels_per_step: see `FieldOptions`; guessed when not given.
        select: whether it becomes the one selected object.

    Returns:
        The Empty, or without ``wait`` the job.
    """
    checkpoint = Path(bpy.path.abspath(str(path))).absolute()
    if not checkpoint.is_file():
        raise UserError(f"There is no file at {checkpoint}; choose another.", code="missing_file")
    options = FieldOptions(
        scene=scene_kind,  # type: ignore[arg-type]
        background=background,  # type: ignore[arg-type]
        ndc_focal=ndc_focal,
        ndc_aspect=ndc_aspect,
        voxels_per_step=voxels_per_step,
    )
    steps = _load_nerf(refer(bpy.context.scene), str(checkpoint), options, select)
    return _finish("Loading the NeRF", steps, wait)


def _load_nerf(
    scene: Reference[bpy.types.Scene], checkpoint: str, options: FieldOptions, select: bool
) -> Steps[Reference[bpy.types.Object]]:
    params = {"checkpoint": checkpoint, "options": settings_to_json(options)}
    session.say("Starting the engine")
    yield from session.ask("hello", {})
    session.say(f"Reading {Path(checkpoint).name}")
    info = yield from session.ask("info", params)
    nerf = create_nerf(scene.get(), checkpoint, info, options)
    remember_file(Path(checkpoint))
    if select:
        select_only([nerf])
    frame_nerf(nerf)
    undo_step("Load NeRF")
    return refer(nerf)


def load_training_cameras(
    path: str | Path | None = None,
    nerf: bpy.types.Object | None = None,
    *,
    use_resolution: bool = True,
    wait: bool = True,
) -> list[bpy.types.Object] | Job[Any]:
    """Show the cameras that the NeRF was trained with, and choose views among them from now on.

    Args:
        path: ``transforms.json``, ``poses_bounds.npy``, or a COLMAP model's file or folder; None
            takes the cameras that come with the checkpoint (Instant-NGP, nerfstudio).
        use_resolution: give the scene the photographs' resolution, so that pictures fit exactly.

    Returns:
        The camera objects, or without ``wait`` the job.
    """
    scene = bpy.context.scene
    nerf = nerf or require_nerf(scene)
    file = nerf.sa3d.nerf.checkpoint if path is None else str(path)
    params = field_params(nerf) | {"file": str(Path(bpy.path.abspath(file)).absolute())}
    steps = training_cameras.load_steps(refer(nerf), refer(scene), params, use_resolution)
    return _finish("Loading the training cameras", steps, wait, refer(nerf))


def add_camera(
    nerf: bpy.types.Object | None = None,
    *,
    look: Quaternion | None = None,
    turn: float = 0.0,
) -> bpy.types.Object:
    """Add a camera that sees the NeRF's whole box and make it the active one.

    It has the training cameras' lens where that is known, and moves with the NeRF. Where another
    camera looks from the same side, it stands a quarter turn away.

    Args:
        look: a viewport's ``view_rotation``: from there it looks; from a usual side by default.
        turn: around the NeRF, in radians, from where it would stand.
    """
    scene = bpy.context.scene
    return new_camera.add_camera(scene, nerf or require_nerf(scene), look, turn)


def render_view(
    nerf: bpy.types.Object | None = None,
    camera: bpy.types.Object | None = None,
    *,
    wait: bool = True,
) -> bpy.types.Image | Job[Any]:
    """Render the NeRF through a camera into an image that becomes the camera's background.

    Without ``wait``, a NeRF that is slow is shown roughly first.

    Args:
        camera: the scene's active camera when not given.

    Returns:
        The image, or without ``wait`` the job.
    """
    scene = bpy.context.scene
    nerf = nerf or require_nerf(scene)
    sight = progressive_view.Sight.of(scene, nerf, camera or require_camera(scene))
    steps = progressive_view.render_view(sight, rough_first=not wait)
    return _finish(progressive_view.RENDERING, steps, wait, sight.nerf, sight.camera)


def segment(
    nerf: bpy.types.Object | None = None,
    camera: bpy.types.Object | None = None,
    *,
    object_name: str | None = None,
    out: str | Path | None = None,
    select: bool = False,
    wait: bool = True,
) -> list[bpy.types.Object] | Job[Any]:
    """Cut out every object that has prompts, and import the meshes.

    Prompts in further cameras' pictures refine the same objects.

    Args:
        camera: where the run starts; the camera that was pointed in first when not given.
        object_name: only this object.
        out: folder for the result's files; beside the .blend by default, else a temporary one.
        select: whether new meshes become the selected objects.

    Returns:
        The mesh objects, or without ``wait`` the job.
    """
    scene = bpy.context.scene
    nerf = nerf or require_nerf(scene)
    first, *more = prompted_views(scene, nerf, start=camera, only=object_name)
    entries = nerf.sa3d.nerf.objects
    names = [prompt.name for view in (first, *more) for prompt in view.objects]
    keys = {name: entries[name].key for name in names}
    params = field_params(nerf) | run_params(nerf) | training_cameras.remembered(nerf)
    params |= own_mesh_params({name: entries[name] for name in keys})
    params |= {
        **first.to_json(),
        "more_views": [view.to_json() for view in more],
        "keep": [e.name for e in entries if e.result is not None and e.name not in keys],
        "out": str(out or output_folder(nerf)),
        "previews": {
            "folder": str(temporary_folder("previews")),
            "colors": {name: list(entries[name].color) for name in keys},
        },
    }
    marks = {key: fingerprint(entries[name]) for name, key in keys.items()}
    steps = while_running(marks, segment_steps(refer(nerf), keys, marks, params, select=select))
    return _finish("Segmenting", steps, wait, refer(nerf))


def import_mesh(
    path: str | Path, nerf: bpy.types.Object | None = None, *, wait: bool = True
) -> bpy.types.Object | Job[Any]:
    """Import a mesh file of an earlier run (``NAME_mesh.npz``) under the NeRF's Empty.

    Returns:
        The mesh object, or without ``wait`` the job.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    file = Path(bpy.path.abspath(str(path)))
    steps = _import_mesh(refer(nerf), file)
    return _finish("Importing the mesh", steps, wait, refer(nerf))


def _import_mesh(
    nerf: Reference[bpy.types.Object], path: Path
) -> Steps[Reference[bpy.types.Object]]:
    meshes = yield from load_meshes({path.stem.removesuffix("_mesh"): path})
    placed = place_mesh(nerf.get(), meshes[0], None)
    undo_step("Import Mesh")
    return refer(placed)
