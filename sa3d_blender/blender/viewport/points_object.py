"""The NeRF's points as a mesh, for who wants them in a render, in an export, or without the engine.

Each point is a small tetrahedron with the point's colour: a mesh of bare points shows nothing in a
render, and Workbench has no colours for Blender's point clouds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ...core.errors import UserError
from ...core.point_cloud import PointCloud
from ..engine_link import jobs, session
from ..engine_link.job_steps import Job, Steps
from ..folders import output_folder
from ..nerf.nerf import group, parent_to, require_nerf
from ..references import Reference, refer
from ..results.material import own_material
from ..results.results import build_mesh
from ..results.tetrahedra import tetrahedra
from . import point_proxy

SECONDS = 10.0
"""About as long the engine looks for points."""


def points_to_object(
    nerf: bpy.types.Object | None = None, *, count: int = 10_000, wait: bool = True
) -> bpy.types.Object | Job[Any]:
    """Make a mesh of coloured points on the NeRF's surfaces, under its Empty.

    Args:
        count: at most so many points.

    Returns:
        The mesh object, or without ``wait`` the job.
    """
    nerf = nerf or require_nerf(bpy.context.scene)
    out = output_folder(nerf) / "points"
    params = point_proxy.request(nerf) | {"count": count, "seconds": SECONDS, "out": str(out)}
    return jobs.run("Making points", _steps(refer(nerf), params), wait, refer(nerf))


def _steps(
    nerf: Reference[bpy.types.Object], params: dict[str, Any]
) -> Steps[Reference[bpy.types.Object]]:
    result = yield from session.ask("points", params)
    file = Path(result["points"])
    cloud = yield from session.in_thread(lambda: PointCloud.load(file))
    if not len(cloud.points):
        raise UserError(f"{nerf.name!r} shows no surface, so there are no points.")
    reference = yield from build_mesh(tetrahedra(cloud), f"{nerf.name} Points")
    mesh, target = reference.get(), nerf.get()
    mesh.materials.append(own_material(target.sa3d.nerf.look))
    made = bpy.data.objects.new(mesh.name, mesh)
    made.sa3d.kind = "POINTS"
    group(target, "results").objects.link(made)
    parent_to(target, made)
    bpy.ops.ed.undo_push(message="Points to Object")
    return refer(made)
