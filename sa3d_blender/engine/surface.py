"""From a mask grid and the field's density to a closed, coloured triangle mesh.

Marching cubes runs on one function that is positive inside the object: the smaller of "inside
something" (density over the level at which rendering meets the surface; unseen interiors filled)
and "belongs to the object" (the mask grid).
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import ndimage
from skimage.measure import marching_cubes
from torch import Tensor

from ..core.errors import UserError
from ..core.mesh import MeshData
from ..core.settings import MeshSettings
from .fields.protocol import RadianceField
from .mask_grid import MaskGrid, region_nodes, region_shape
from .mesh_clean import drop_islands, limit_faces, outward
from .rays import Rays
from .render import march_rays
from .report import Run
from .result import SegmentedObject

CHUNK = 1 << 18
MASK_SMOOTHING = 1.0
"""Standard deviation, in cells, of the smoothing of the mask's own border."""
INSIDE_DEPTH = 2.5
"""Cells from free space at which unseen solid counts as inside whatever its density is."""
MIN_RESOLUTION, MAX_RESOLUTION = 16, 512


def extract_mesh(
    field: RadianceField, entry: SegmentedObject, settings: MeshSettings, run: Run | None = None
) -> MeshData:
    """The surface of one segmented object, field frame, normals outward.

    Raises:
        UserError: the object holds nothing solid at this resolution, or the settings are out of
            range.
    """
    run = run or Run()
    if not MIN_RESOLUTION <= settings.resolution <= MAX_RESOLUTION:
        raise UserError(
            f"A mesh resolution of {settings.resolution} is not possible; "
            f"choose one from {MIN_RESOLUTION} to {MAX_RESOLUTION}."
        )
    lower, upper = _object_region(entry)
    shape = region_shape(_side_lengths(field, lower, upper), settings.resolution)
    inside = _inside_object(field, entry, lower, upper, shape, run)
    vertices, faces = _march_cubes(inside, lower, upper)
    if len(faces) == 0:
        raise UserError(
            f"{entry.name!r} holds nothing solid; add points on it and run again.",
            code="empty_mesh",
        )
    points = field.field_from_grid(torch.from_numpy(vertices).to(field.device))
    vertices = points.cpu().numpy()
    vertices, faces = drop_islands(vertices, outward(vertices, faces))
    vertices, faces = limit_faces(vertices, faces, settings.max_faces)
    run.check()
    colors = vertex_colors(field, vertices, faces, run)
    return MeshData(vertices.astype(np.float32), faces.astype(np.int32), colors)


def _object_region(entry: SegmentedObject) -> tuple[Float[Tensor, " 3"], Float[Tensor, " 3"]]:
    """The box of the object's nodes plus a margin, grid frame."""
    size = torch.tensor(entry.values.shape, device=entry.lower.device)
    spacing = (entry.upper - entry.lower) / (size - 1)
    where = (entry.values > 0).nonzero()
    if len(where) == 0:
        raise UserError(
            f"{entry.name!r} is empty; add points on it and run again.", code="empty_mesh"
        )
    first, last = where.amin(dim=0), where.amax(dim=0)
    lower = entry.lower + (first - 4) * spacing
    upper = entry.lower + (last + 4) * spacing
    return torch.maximum(lower, entry.lower), torch.minimum(upper, entry.upper)


def _side_lengths(
    field: RadianceField, lower: Float[Tensor, " 3"], upper: Float[Tensor, " 3"]
) -> Float[Tensor, " 3"]:
    corners = torch.stack([lower, upper])
    middle = corners.mean(dim=0).repeat(6, 1)
    for axis in range(3):
        middle[2 * axis : 2 * axis + 2, axis] = corners[:, axis]
    points = field.field_from_grid(middle)
    return (points[1::2] - points[::2]).norm(dim=1)


def _inside_object(
    field: RadianceField,
    entry: SegmentedObject,
    lower: Float[Tensor, " 3"],
    upper: Float[Tensor, " 3"],
    shape: tuple[int, int, int],
    run: Run,
) -> Float[np.ndarray, "x y z"]:
    """Positive inside the object, about linear across its surface."""
    density, member, free = [], [], []
    nodes = region_nodes(lower, upper, shape)
    grid = MaskGrid(entry.lower, entry.upper, entry.values, entry.values)
    open_space = entry.free.float()
    for part in nodes.split(CHUNK):
        run.check()
        density.append(field.density(part))
        member.append(grid.sample(entry.values, part))
        free.append(grid.sample(open_space, part))
    solid = (torch.cat(density) / entry.level).clamp(0, 2).view(shape).cpu().numpy() - 1
    seen_free = torch.cat(free).view(shape).cpu().numpy() > 0.5
    covered = ~seen_free
    deep = ndimage.distance_transform_edt(covered) > INSIDE_DEPTH
    solid[deep] = np.maximum(solid[deep], 1.0)
    belongs = torch.cat(member).view(shape).cpu().numpy()
    belongs = _only_near_solid(belongs, solid)
    belongs = ndimage.gaussian_filter(belongs, MASK_SMOOTHING)
    return np.minimum(solid, 2 * belongs).astype(np.float32)


def _only_near_solid(
    belongs: Float[np.ndarray, "x y z"], solid: Float[np.ndarray, "x y z"]
) -> Float[np.ndarray, "x y z"]:
    """Continue the mask from solid nodes into the air, so that smoothing does not shrink it."""
    known = (belongs != 0) & (solid > 0)
    if not known.any():
        return belongs
    nearest = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return np.asarray(np.sign(belongs)[tuple(nearest)], dtype=np.float32)


def _march_cubes(
    inside: Float[np.ndarray, "x y z"],
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


def vertex_normals(
    vertices: Float[np.ndarray, "n 3"], faces: Int[np.ndarray, "m 3"]
) -> Float[np.ndarray, "n 3"]:
    """Unit normals, area-weighted over the faces around each vertex."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    face_normals = np.cross(b - a, c - a)
    normals = np.zeros((len(vertices), 3))
    for i in range(3):
        np.add.at(normals, faces[:, i], face_normals)
    length = np.linalg.norm(normals, axis=1)
    normals[length < 1e-20] = (0, 0, 1)  # only faces without area around it
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


def vertex_colors(
    field: RadianceField,
    vertices: Float[np.ndarray, "n 3"],
    faces: Int[np.ndarray, "m 3"],
    run: Run,
) -> np.ndarray:
    """sRGB bytes [n 3]: what a short look at the surface from outside, along the normal, shows."""
    device = field.device
    normals = torch.from_numpy(vertex_normals(vertices, faces)).float().to(device)
    points = torch.from_numpy(vertices).float().to(device)
    edge = float(np.median(np.linalg.norm(vertices[faces[:, 0]] - vertices[faces[:, 1]], axis=1)))
    run.check()
    rgb = _look_from_outside(field, points, normals, 4 * edge).clamp(0, 1).cpu().numpy()
    return np.asarray((rgb * 255 + 0.5).astype(np.uint8))


def _look_from_outside(
    field: RadianceField,
    points: Float[Tensor, "n 3"],
    normals: Float[Tensor, "n 3"],
    reach: float,
) -> Float[Tensor, "n 3"]:
    """Colour seen along -normal from ``reach`` above each point to ``reach`` below it."""
    samples = march_rays(field, Rays(points + reach * normals, -normals), with_color=True)
    assert samples.rgb is not None
    near = samples.depth < 2 * reach
    index, weights = samples.ray_index[near], samples.weights[near]
    total = torch.zeros(len(points), device=points.device).index_add_(0, index, weights)
    color = torch.zeros_like(points).index_add_(0, index, weights[:, None] * samples.rgb[near])
    plain = field.color(field.grid_from_field(points), -normals)
    return torch.where(total[:, None] > 0.3, color / total.clamp(min=1e-6)[:, None], plain)
