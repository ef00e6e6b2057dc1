"""Splats that came back beside the meshes: as Blender's own where it has such, or as points.

From version 5.3 on Blender's importer of ``.ply`` makes a splat of it. Before that there are small
tetrahedra in the Gaussians' colours. Either is hidden at first, as it lies where the mesh is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import bpy

from ...core.point_cloud import PointCloud
from ..choices import PHOTOGRAPHED
from ..engine_link.job_steps import Steps
from ..engine_link.session import in_thread
from ..names import SPLAT_KEY, SPLAT_OF, give_name, splat_name
from ..nerf.nerf import group, parent_to
from ..references import Reference
from .material import own_material
from .results import build_mesh
from .tetrahedra import tetrahedra

FILE = "sa3d_splat_file"
"""Custom property of a splat: where its Gaussians are."""
NATIVE_SINCE = (5, 3, 0)


@dataclass(frozen=True)
class Splat:
    """A splat whose points are a mesh already; it is in no scene yet."""

    name: str
    file: Path
    points: Reference[bpy.types.Mesh]


def build_splats(objects: Iterable[Mapping[str, Any]]) -> Steps[list[Splat]]:
    """Build the splats of objects that the engine cut out; the scene does not change.

    Args:
        objects: as the engine names their files; those without a splat are left out.

    Raises:
        UserError: a file is not the engine's.
    """
    built = []
    for files in objects:
        if "splat" in files:
            points, name = Path(files["splat_points"]), str(files["name"])
            cloud = yield from in_thread(partial(PointCloud.load, points))
            mesh = yield from build_mesh(tetrahedra(cloud), splat_name(name))
            built.append(Splat(name, Path(files["splat"]), mesh))
    return built


def place_splats(nerf: bpy.types.Object, splats: Sequence[Splat]) -> None:
    """Put splats under the NeRF's Empty; earlier ones of the same names go.

    Nothing may be waited for from here to the caller's undo step: an undo in between would keep the
    collections as they stand, with pointers to objects that it takes away, and crash Blender.

    Raises:
        UserError: an undo took one away, so nothing was changed.
    """
    for splat, mesh in [(splat, splat.points.get()) for splat in splats]:
        made = _imported(splat.file)
        if made is None:
            mesh.materials.append(own_material(PHOTOGRAPHED))
            made = bpy.data.objects.new(mesh.name, mesh)
        else:
            bpy.data.meshes.remove(mesh)
        _place(nerf, made, splat.name, splat.file)


def splats_of(nerf: bpy.types.Object) -> dict[str, bpy.types.Object]:
    """The splats under a NeRF's Empty by the names of their objects."""
    return {thing[SPLAT_OF]: thing for thing in nerf.children if SPLAT_OF in thing}


def _place(nerf: bpy.types.Object, made: bpy.types.Object, name: str, path: Path) -> None:
    earlier = splats_of(nerf).get(name)
    if earlier is not None:
        data = earlier.data
        bpy.data.objects.remove(earlier)
        if data is not None and data.users == 0:
            bpy.data.batch_remove([data])
    give_name(made, splat_name(name))
    made[SPLAT_OF], made[FILE] = name, str(path)
    entry = nerf.sa3d.nerf.objects.get(name)
    if entry is not None:
        made[SPLAT_KEY] = entry.key
    made.sa3d.kind = "POINTS"
    for collection in list(made.users_collection):
        collection.objects.unlink(made)
    group(nerf, "results").objects.link(made)
    parent_to(nerf, made)
    made.hide_render = True
    bpy.context.view_layer.update()  # or it knows nothing of the new object
    if made.name in bpy.context.view_layer.objects:
        made.hide_set(True)


def _imported(path: Path) -> bpy.types.Object | None:
    """What Blender's own importer makes of a splat; None where it makes no point cloud of it."""
    if bpy.app.version < NATIVE_SINCE:
        return None
    before = set(bpy.data.objects)
    try:
        bpy.ops.wm.ply_import(filepath=str(path), forward_axis="Y", up_axis="Z")
    except (AttributeError, RuntimeError, TypeError):
        return None
    found = None
    for thing in set(bpy.data.objects) - before:
        if found is None and thing.type == "POINTCLOUD":
            found = thing
        else:
            bpy.data.objects.remove(thing)
    return found
