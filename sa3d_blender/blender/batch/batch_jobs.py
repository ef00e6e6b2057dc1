"""What was clicked on becomes a job in a ``JOBS.toml``, and a batch's results are placed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.batch.jobs_file import append_job
from ...core.batch.results import FinishedJob, finished_jobs
from ...core.errors import UserError
from ...core.settings import SegmentSettings, settings_to_json
from ..clicking.object_states import fingerprint
from ..clicking.prompt_actions import add_object
from ..clicking.second_camera import prompted_views
from ..engine_link import jobs
from ..engine_link.job_steps import Job, Steps
from ..nerf import training_cameras
from ..nerf.nerf import field_params, is_splat, mesh_params, require_nerf
from ..properties import is_nerf
from ..references import Reference, refer
from ..results.doubts import keep_doubts
from ..results.own_meshes import own_mesh_params
from ..results.placing import place_mesh
from ..results.provenance import write_provenance
from ..results.results import load_meshes
from ..results.splat_results import build_splats, place_splats, splats_of
from ..setting_properties import setting_values
from ..undo_steps import undo_step


def save_batch_job(path: str | Path, nerf: bpy.types.Object | None = None) -> str:
    """Append a NeRF's objects, cameras, prompts and settings to a jobs file as one job.

    The file is made where there is none. The job is called as the NeRF, with a number where the
    file has one of that name already.

    Returns:
        The job's name.

    Raises:
        UserError: there is no usable prompt, or the file cannot be used.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    file = Path(bpy.path.abspath(str(path)))
    name = bpy.path.clean_name(nerf.name, replace=" ").strip() or "job"
    return append_job(file, {"name": name} | _asked(nerf))


def _asked(nerf: bpy.types.Object) -> dict[str, Any]:
    """What a run of the NeRF is asked now, as a job's table."""
    facts = nerf.sa3d.nerf
    first, *more = prompted_views(bpy.context.scene, nerf)
    names = {prompt.name for view in (first, *more) for prompt in view.objects}
    # a downloaded segmenter's weights are elsewhere on other computers
    weights = bpy.path.abspath(facts.weights) if facts.weights else None
    said = setting_values(SegmentSettings, facts) | {"weights": weights}
    view = first.to_json()
    return (
        field_params(nerf)
        | {
            "cameras": training_cameras.remembered(nerf).get("training_cameras"),
            "camera": view["camera"],
            "objects": view["objects"],
            "more_views": [other.to_json() for other in more],
            "settings": settings_to_json(SegmentSettings(**said)),
            "outputs": ["meshes", "splats"] if is_splat(nerf) else ["meshes"],
        }
        | mesh_params(nerf, facts)
        | own_mesh_params({entry.name: entry for entry in facts.objects if entry.name in names})
    )


def import_batch_results(
    folder: str | Path, *, wait: bool = True
) -> list[bpy.types.Object] | Job[Any]:
    """Place the meshes and splats that a batch made of the scene's NeRFs, under their Empties.

    An object of the same name in a NeRF's list gets the mesh, in place of an older one; others are
    added to the list. Where two jobs made one, the newer counts.

    Args:
        folder: the batch's ``--out``.

    Returns:
        The objects in the scene, or without ``wait`` the job.

    Raises:
        UserError: nothing finished is there, or nothing of this scene's NeRFs.
    """
    there = Path(bpy.path.abspath(str(folder)))
    done = finished_jobs(there)
    if not done:
        raise UserError(
            f"{there} holds no finished job; choose the folder that sa3d batch wrote to.",
            code="no_result",
        )
    nerfs = {
        Path(field_params(thing)["checkpoint"]): refer(thing)
        for thing in bpy.context.scene.objects
        if is_nerf(None, thing)
    }
    found = [(nerfs[job.checkpoint], job) for job in done if job.checkpoint in nerfs]
    if not found:
        raise UserError(
            f"The results in {there} are of NeRFs that are not in this scene, such as "
            f"{done[0].checkpoint}; load it first.",
            code="no_nerf",
        )
    return jobs.run("Importing batch results", _import(found), wait)


def _import(
    found: list[tuple[Reference[bpy.types.Object], FinishedJob]],
) -> Steps[list[Reference[bpy.types.Object]]]:
    placed: dict[str, Reference[bpy.types.Object]] = {}
    for nerf, job in found:
        meshes = yield from load_meshes(job.meshes)
        splats = yield from build_splats(job.splats)
        for name, mesh in zip(job.meshes, meshes, strict=True):
            thing = _place(nerf.get(), job, name, mesh)
            placed[thing.name] = refer(thing)
        place_splats(nerf.get(), splats)
        there = splats_of(nerf.get())
        for thing in (there[splat["name"]] for splat in job.splats):
            placed[thing.name] = refer(thing)
        target = nerf.get()
        alone = sum(other == nerf for other, _ in found) == 1
        if alone:  # a surface is made anew from one run's files
            target.sa3d.nerf.result = str(job.result)
        told = {"report": str(job.report), "objects": job.objects}
        keep_doubts(target, told, {entry.name: entry for entry in target.sa3d.nerf.objects})
        # before the next job is waited for: an undo meanwhile must not find half a change
        undo_step("Import Batch Results")
    return list(placed.values())


def _place(
    nerf: bpy.types.Object, job: FinishedJob, name: str, mesh: bpy.types.Mesh
) -> bpy.types.Object:
    entries = nerf.sa3d.nerf.objects
    if entries.get(name) is None:
        add_object(nerf, name=name)
    entry = entries[name]
    thing = place_mesh(nerf, mesh, entry)
    write_provenance(thing, job.table, name)
    if _same_prompts(nerf, job, name):
        entry.made_from = fingerprint(entry)
    return thing


def _same_prompts(nerf: bpy.types.Object, job: FinishedJob, name: str) -> bool:
    """Whether the artist has changed nothing about an object since its job was saved."""
    try:
        now = _asked(nerf)
    except UserError:  # there are no prompts any more
        return False
    return _prompts(now, name) == _prompts(job.table, name)


def _prompts(table: dict[str, Any], name: str) -> list[Any]:
    """An object's prompts in a job, each with its camera."""
    return [
        (view["camera"], prompt)
        for view in (table, *table["more_views"])
        for prompt in view["objects"]
        if prompt["name"] == name
    ]
