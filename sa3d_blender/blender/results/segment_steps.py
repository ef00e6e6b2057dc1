"""What a run is on Blender's side: a question to the engine, and meshes in the scene."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..engine_link import session
from ..engine_link.job_steps import Steps
from ..references import Reference, refer
from ..selection import select_only
from ..undo_steps import undo_step
from .doubts import keep_doubts
from .looks import results_of
from .placing import place_mesh
from .provenance import write_provenance
from .results import load_meshes
from .solid_colors import show_colors
from .splat_results import build_splats, place_splats


def segment_steps(
    nerf: Reference[bpy.types.Object],
    keys: dict[str, str],
    marks: dict[str, str],
    params: dict[str, Any],
    *,
    select: bool,
) -> Steps[list[Reference[bpy.types.Object]]]:
    """Ask the engine, then put all of its meshes into the scene at once.

    Args:
        nerf: the NeRF's Empty.
        keys: of the entries in the list of objects, by the objects' names.
        marks: what the entries' prompts were, by key; see `fingerprint`.
        params: of the engine's request.
        select: whether new meshes become the selected objects.
    """
    result = yield from session.ask("segment", params)
    files = {made["name"]: Path(made["mesh"]) for made in result["objects"]}
    splats = yield from build_splats(result["objects"])
    meshes = yield from load_meshes(files)
    target = nerf.get()
    place_splats(target, splats)  # from here on the scene changes, so nothing is waited for
    facts = target.sa3d.nerf
    facts.result = result["result"]
    entries = {entry.key: entry for entry in facts.objects}
    there = {entry.result for entry in entries.values()}
    placed = [
        place_mesh(target, mesh, entries.get(keys.get(name, "")))
        for name, mesh in zip(files, meshes, strict=True)
    ]
    # not what was chosen, which may be *Automatic*, but what was used
    used = params | {"settings": params["settings"] | {"segmenter": result["segmenter"]}}
    for thing, name in zip(placed, files, strict=True):
        write_provenance(thing, used, name)
    keep_doubts(target, result, {n: entries[k] for n, k in keys.items() if k in entries})
    for key in set(marks) & set(entries):
        entries[key].made_from = marks[key]
    if select:
        select_only([thing for thing in placed if thing not in there])
    show_colors(results_of(target))
    undo_step("Segment")
    return [refer(thing) for thing in placed]
