"""From a mask grid and the field's density to a closed, coloured triangle mesh.

Marching cubes runs on one function that is positive inside the object: the smaller of "inside
something" (density over the level at which rendering meets the surface; unseen interiors filled)
and "belongs to the object" (the mask grid).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from skimage.measure import marching_cubes
from torch import Tensor
from torch.nn.functional import max_pool3d

from ...core.errors import UserError
from ...core.mesh import MeshData
from ...core.settings import MeshSettings
from ..fields.protocol import RadianceField
from ..mask_grids.mask_grid import region_nodes, region_shape
from ..mask_grids.regions import side_lengths
from ..mask_grids.result import SegmentedObject
from ..run import Run
from .finishing import finished
from .mesh_clean import drop_islands, outward
from .solid_nodes import Nodes, belonging, slabs, solidity, votes_over, widened

INSIDE_DEPTH = 2.5
"""Cells from free space at which unseen solid counts as inside whatever its density is."""
DEPTH_SMOOTHING = 1.0
"""Standard deviation, in cells, of the smoothing of that depth."""


def extract_mesh(
    field: RadianceField, entry: SegmentedObject, settings: MeshSettings, run: Run | None = None
) -> MeshData:
    """The surface of one segmented object, field frame, normals outward.

    An object that is too thin or too faint to hold anything solid at this resolution becomes a
    closed skin around the surface that was voted for.

    Raises:
        UserError: no place is the object by this threshold.
    """
    run = run or Run()
    with run.timed("surface"):
        lower, upper = _object_region(entry, settings.threshold)
        shape = region_shape(side_lengths(field, lower, upper), settings.cells)
        inside = _inside_object(field, entry, lower, upper, shape, settings, run)
        if inside.max() <= 0:
            inside = _voted_shell(entry, lower, upper, shape, settings, run)
        vertices, faces = march_cubes(inside, lower, upper)
        points = field.field_from_grid(torch.from_numpy(vertices).to(field.device))
        vertices = points.cpu().numpy()
        vertices, faces = drop_islands(vertices, outward(vertices, faces))
    return finished(field, vertices, faces, settings, run)


def _object_region(
    entry: SegmentedObject, threshold: float
) -> tuple[Float[Tensor, " 3"], Float[Tensor, " 3"]]:
    """The box of the object's nodes plus a margin, grid frame."""
    size = torch.tensor(entry.values.shape, device=entry.lower.device)
    spacing = (entry.upper - entry.lower) / (size - 1)
    where = (votes_over(entry, threshold) > 0).nonzero()
    if len(where) == 0:
        raise UserError(
            f"Nothing of {entry.name!r} is over the mask threshold of {threshold:g}; lower that.",
            code="empty_mesh",
        )
    first, last = where.amin(dim=0), where.amax(dim=0)
    lower = entry.lower + (first - 4) * spacing
    upper = entry.lower + (last + 4) * spacing
    return torch.maximum(lower, entry.lower), torch.minimum(upper, entry.upper)


def _inside_object(
    field: RadianceField,
    entry: SegmentedObject,
    lower: Float[Tensor, " 3"],
    upper: Float[Tensor, " 3"],
    shape: tuple[int, int, int],
    settings: MeshSettings,
    run: Run,
) -> Nodes:
    """Positive inside the object, about linear across its surface."""
    votes = votes_over(entry, settings.threshold)
    free = _on_nodes(entry, entry.free.float(), lower, upper, shape, run) > 0.5
    solid = np.empty(shape, np.float32)
    for slab in slabs(shape):
        nodes = region_nodes(lower, upper, shape, slab)
        here = (slab.stop - slab.start, *shape[1:])
        solid[slab] = solidity(field, nodes, here, settings.density * entry.level, run)
    np.maximum(solid, deep_inside(free), out=solid)
    del free
    belongs = belonging(_on_nodes(entry, votes, lower, upper, shape, run), solid)
    belongs *= 2
    return np.minimum(solid, belongs, out=solid)


def _voted_shell(
    entry: SegmentedObject,
    lower: Float[Tensor, " 3"],
    upper: Float[Tensor, " 3"],
    shape: tuple[int, int, int],
    settings: MeshSettings,
    run: Run,
) -> Nodes:
    """Positive around every node that was voted for, as thin as the nodes allow."""
    voted = max_pool3d((votes_over(entry, settings.threshold) > 0).float()[None, None], 3, 1, 1)
    return _on_nodes(entry, voted[0, 0], lower, upper, shape, run) - np.float32(0.5)


def _on_nodes(
    entry: SegmentedObject,
    values: Float[Tensor, "_ _ _"],
    lower: Float[Tensor, " 3"],
    upper: Float[Tensor, " 3"],
    shape: tuple[int, int, int],
    run: Run,
) -> Nodes:
    """Values of the object's own nodes, interpolated on those of the mesh."""
    found = np.empty(shape, np.float32)
    for slab in slabs(shape):
        run.check()
        part = entry.interpolated(values, region_nodes(lower, upper, shape, slab))
        found[slab] = part.view(-1, *shape[1:]).cpu().numpy()
    return found


def deep_inside(free: Bool[np.ndarray, "x y z"]) -> Nodes:
    """Positive more than `INSIDE_DEPTH` away from nodes that are seen to be free, in [-1, 1].

    Smoothed, as the border of what is free has steps, which would show wherever the density is too
    low to make the surface.
    """
    depth = np.ones(free.shape, np.float32)
    reach = math.ceil(INSIDE_DEPTH + 1)
    for slab in slabs((free.shape[0], free.shape[1], free.shape[2])):
        wide, inner = widened(slab, reach + math.ceil(4 * DEPTH_SMOOTHING), len(free))
        if free[wide].any():  # the distance to nothing is no number
            distance = ndimage.distance_transform_edt(~free[wide]).clip(max=INSIDE_DEPTH + 1)
            smooth = ndimage.gaussian_filter(distance, DEPTH_SMOOTHING)
            depth[slab] = (smooth - INSIDE_DEPTH).clip(min=-1)[inner]
    return depth


def march_cubes(
    inside: Nodes,
    lower: Float[Tensor, " 3"],
    upper: Float[Tensor, " 3"],
) -> tuple[Float[np.ndarray, "n 3"], Int[np.ndarray, "m 3"]]:
    """Vertices in the grid frame; closed at the region's faces by a border of outside nodes."""
    if inside.max() <= 0:
        return np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32)
    padded = np.pad(inside, 1, constant_values=-1.0)
    vertices, faces, _, _ = marching_cubes(padded, 0.0, gradient_direction="ascent")
    size = np.array(inside.shape)
    first, last = lower.cpu().numpy(), upper.cpu().numpy()
    # nodes lie on the faces of the region: spacing is extent / (N - 1)
    placed = first + (vertices - 1) * (last - first) / (size - 1)
    return placed.astype(np.float32), faces.astype(np.int32)
