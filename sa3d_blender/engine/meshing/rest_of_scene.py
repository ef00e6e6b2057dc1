"""The mesh of everything but the objects: what stays of a scene when they are taken out.

The same surface as the objects', with the mask turned round, on nodes that span the field's box.
Unbounded fields have no end: theirs is the box of their middle, which holds what the training
cameras stood around. Nodes are worked through in slabs, so that memory grows with their number by
a few bytes each.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...core.errors import UserError
from ...core.mesh import MeshData
from ...core.settings import MeshSettings
from ..fields.protocol import RadianceField
from ..mask_grids.mask_grid import region_nodes, region_shape
from ..mask_grids.regions import side_lengths
from ..mask_grids.result import SegmentedObject
from ..run import Run
from .finishing import REACH, cell_size, finished
from .footprint import Footprint, depth_under, footprints_of, repainted
from .mesh_clean import Smaller, drop_islands, outward
from .solid_nodes import CHUNK, Nodes, belonging, slabs, solidity, votes_over, widened
from .surface import march_cubes

HALO = 6
"""Nodes beyond a slab that the mask's continuation and smoothing look at."""
FLAT_CELLS = 1.5
"""Below an object's support, as deep as this it is solid, whatever the density nobody saw."""
ISLAND_SHARE = 0.01
"""Pieces smaller than this part of the largest piece's faces are floaters."""
BOX_STEPS = 9
"""Points along each side of the box whose grid-frame positions bound the region."""


def extract_rest(
    field: RadianceField,
    objects: Sequence[SegmentedObject],
    settings: MeshSettings,
    run: Run | None = None,
) -> MeshData:
    """The surface of all but the objects within the field's box, field frame, normals outward.

    Closed where the box cuts it.

    Raises:
        UserError: there is nothing but the objects.
    """
    run = run or Run()
    with run.timed("surface"):
        footprints = footprints_of(field, objects)
        vertices, faces = _rest_surface(field, objects, footprints, settings, run)
    mesh = finished(field, vertices, faces, settings, run)
    reach = REACH * cell_size(vertices, faces)
    places = torch.from_numpy(mesh.vertices).to(field.device)
    hidden = torch.zeros(len(places), dtype=torch.bool, device=field.device)
    for one in footprints:
        hidden |= one.hidden(places, reach)
    return repainted(mesh, hidden.cpu().numpy())


def _rest_surface(
    field: RadianceField,
    objects: Sequence[SegmentedObject],
    footprints: Sequence[Footprint],
    settings: MeshSettings,
    run: Run,
) -> Smaller:
    """Vertices and faces of what marching cubes finds, without floaters."""
    lower, upper = _scene_region(field)
    shape = region_shape(side_lengths(field, lower, upper), settings.cells)
    inside = _inside_rest(field, objects, footprints, (lower, upper), shape, settings, run)
    vertices, faces = march_cubes(inside, lower, upper)
    del inside
    run.check()
    if len(faces) == 0:
        raise UserError(
            "The NeRF holds nothing but the objects; choose a lower density to keep what is faint.",
            code="empty_mesh",
        )
    points = field.field_from_grid(torch.from_numpy(vertices).to(field.device))
    vertices = points.cpu().numpy()
    return drop_islands(vertices, outward(vertices, faces), ISLAND_SHARE)


def _scene_region(field: RadianceField) -> tuple[Float[Tensor, " 3"], Float[Tensor, " 3"]]:
    """The grid-frame region around the field's box."""
    steps = [torch.linspace(0, 1, BOX_STEPS, device=field.device)] * 3
    share = torch.stack(torch.meshgrid(*steps, indexing="ij"), dim=-1).reshape(-1, 3)
    points = field.box[0] + share * (field.box[1] - field.box[0])
    place = field.grid_from_field(points)
    place = place[torch.isfinite(place).all(dim=1)].clamp(-1, 1)
    return place.amin(dim=0), place.amax(dim=0)


def _inside_rest(
    field: RadianceField,
    objects: Sequence[SegmentedObject],
    footprints: Sequence[Footprint],
    region: tuple[Float[Tensor, " 3"], Float[Tensor, " 3"]],
    shape: tuple[int, int, int],
    settings: MeshSettings,
    run: Run,
) -> Nodes:
    """Positive inside something that is no object, about linear across its surface."""
    lower, upper = region
    level = settings.density * float(np.median([entry.level for entry in objects]))
    inside = np.empty(shape, np.float32)
    for slab in slabs(shape):
        run.progress("surface", slab.start, shape[0], "Making the surface of the rest")
        wide, inner = widened(slab, HALO, shape[0])
        nodes = region_nodes(lower, upper, shape, wide)
        here = (wide.stop - wide.start, *shape[1:])
        solid = solidity(field, nodes, here, level, run)
        belongs = belonging(_votes_for_any(objects, nodes, here, settings.threshold), solid)
        own = np.minimum(solid, -2 * belongs)
        places = field.field_from_grid(nodes)
        cell = float((places[1] - places[0]).norm())
        depth = (depth_under(footprints, places, FLAT_CELLS * cell) / cell).view(here)
        flat = depth.clamp(-1, 1).cpu().numpy()
        inside[slab] = np.where(np.isnan(flat), own, flat)[inner]
    return inside


def _votes_for_any(
    objects: Sequence[SegmentedObject],
    nodes: Float[Tensor, "n 3"],
    shape: tuple[int, int, int],
    threshold: float,
) -> Float[np.ndarray, "x y z"]:
    """The highest of the objects' votes; -1 outside all regions, zero where nobody knows."""
    result = torch.full((len(nodes),), -1.0, device=nodes.device)
    for entry in objects:
        votes = votes_over(entry, threshold)
        for first in range(0, len(nodes), CHUNK):
            part = nodes[first : first + CHUNK]
            within = ((part >= entry.lower) & (part <= entry.upper)).all(dim=1)
            index = within.nonzero()[:, 0]
            here = first + index
            result[here] = torch.maximum(result[here], entry.interpolated(votes, part[index]))
    return result.view(shape).cpu().numpy()
