"""Meshes from the last run, without another one: at other settings, and of all the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.errors import UserError
from ..clicking.found_objects import made_as
from ..engine_link import jobs, session
from ..engine_link.job_steps import Job, Steps
from ..folders import output_folder
from ..nerf.nerf import field_params, mesh_params, require_nerf
from ..references import Reference, refer
from ..undo_steps import undo_step
from .kept_results import RESULT
from .looks import results_of
from .own_meshes import own_mesh_params
from .placing import place_mesh
from .provenance import write_provenance
from .results import load_meshes
from .solid_colors import show_colors
from .splat_results import build_splats, place_splats


def remesh(
    nerf: bpy.types.Object | None = None,
    *,
    object_name: str | None = None,
    wait: bool = True,
) -> list[bpy.types.Object] | Job[Any]:
    """Make the meshes of the last run anew with the present mesh settings; nothing is segmented.

    An object's own settings go before the NeRF's, see `use_own_mesh`.

    Args:
        object_name: only this object of the list; all that have a mesh when not given.

    Returns:
        The mesh objects, the same as before, or without ``wait`` the job.

    Raises:
        UserError: there is no mesh yet, or the run's files are gone.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    entries = [
        entry
        for entry in nerf.sa3d.nerf.objects
        if has_mesh(entry) and object_name in (None, entry.name)
    ]
    if not entries:
        raise UserError("There is no mesh to make anew; segment an object first.", code="no_result")
    keys = {made_as(entry): entry.key for entry in entries}
    params = _params(nerf) | mesh_params(nerf, nerf.sa3d.nerf) | {"objects": list(keys)}
    params |= own_mesh_params({made_as(entry): entry for entry in entries})
    return jobs.run("Remeshing", _remesh(refer(nerf), keys, params), wait, refer(nerf))


def _remesh(
    nerf: Reference[bpy.types.Object], keys: dict[str, str], params: dict[str, Any]
) -> Steps[list[Reference[bpy.types.Object]]]:
    result = yield from session.ask("mesh", params)
    names = [made["name"] for made in result["objects"]]
    meshes = yield from load_meshes(
        {made["name"]: Path(made["mesh"]) for made in result["objects"]}
    )
    target = nerf.get()
    entries = {entry.key: entry for entry in target.sa3d.nerf.objects}
    placed = []
    for name, mesh in zip(names, meshes, strict=True):
        placed.append(place_mesh(target, mesh, entries.get(keys[name])))
        write_provenance(placed[-1], params, name)
    show_colors(results_of(target))
    undo_step("Remesh")
    return [refer(thing) for thing in placed]


def rest_of_scene(
    nerf: bpy.types.Object | None = None, *, wait: bool = True
) -> bpy.types.Object | Job[Any]:
    """Make a mesh of everything in the NeRF's box but the objects of the last run.

    Returns:
        The mesh object, or without ``wait`` the job.

    Raises:
        UserError: nothing was segmented, or the run's files are gone.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    params = _params(nerf) | mesh_params(nerf, nerf.sa3d.nerf.rest)
    return jobs.run("Meshing the rest", _rest(refer(nerf), params), wait, refer(nerf))


def _rest(
    nerf: Reference[bpy.types.Object], params: dict[str, Any]
) -> Steps[Reference[bpy.types.Object]]:
    result = yield from session.ask("rest", params)
    (made,) = result["objects"]
    splats = yield from build_splats(result["objects"])
    (mesh,) = yield from load_meshes({made["name"]: Path(made["mesh"])})
    target = nerf.get()
    place_splats(target, splats)
    facts = target.sa3d.nerf
    placed = place_mesh(target, mesh, facts.rest)
    write_provenance(placed, params, made["name"])
    undo_step("Rest of the Scene")
    return refer(placed)


def has_mesh(entry: bpy.types.PropertyGroup) -> bool:
    """Whether an object of the list was cut out and its mesh is still there."""
    thing = entry.result
    return thing is not None and thing.type == "MESH" and bool(thing.users_collection)


def _params(nerf: bpy.types.Object) -> dict[str, Any]:
    where = {"result": str(result_file(nerf)), "out": str(output_folder(nerf))}
    return where | {"checkpoint": field_params(nerf)["checkpoint"]}


def result_file(nerf: bpy.types.Object) -> Path:
    """Where the last run left its mask grids; beside the .blend when that was moved.

    Raises:
        UserError: nowhere.
    """
    stored = nerf.sa3d.nerf.result
    places = [Path(bpy.path.abspath(stored))] if stored else []
    places.append(output_folder(nerf) / RESULT)
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise UserError(
            "The files of the last run are not there any more; segment again.", code="no_result"
        )
    return found
