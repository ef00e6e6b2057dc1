"""Masks in the files of SA3D's own code, as a result that meshes and masks are made of.

Its segmentation checkpoints hold, beside the field, a grid of scores per object whose rendered sum
is positive on the object (paper eq. 3). What a result needs more, free space and the density of the
surface, is found by looking at the object from all around.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ...core.cameras import Camera
from ...core.errors import UserError
from ...core.settings import FieldOptions
from ..fields import read_mask_grids
from ..fields.protocol import RadianceField
from ..mask_grids.field_facts import field_facts
from ..mask_grids.mask_grid import region_nodes
from ..mask_grids.result import SegmentedObject, SegmentResult
from ..meshing.completion import carve
from ..rendering.render import render_view
from ..rendering.surface_points import surface_density
from ..run import Run
from ..view_path.stand import photographers_stand
from ..view_path.views import Target, framing_camera, orbit, spiral
from .pipeline import is_clear

VIEWS, VIEW_SIZE = 16, 128
"""Looks at an object, and their side in pixels."""
DISTANCE = 4.0
"""Distance of these looks from the object's middle, in its radii."""


def import_masks(
    field: RadianceField,
    grids: Mapping[int, Float[Tensor, "x y z"]],
    checkpoint: Path,
    options: FieldOptions,
    run: Run,
) -> SegmentResult:
    """Masks as objects ``object_1``, ``object_2``, ...

    Args:
        field: the field of the checkpoint, loaded with the options.
        grids: see `saved_masks`.
    """
    objects = []
    for done, (number, grid) in enumerate(grids.items(), start=1):
        run.progress("masks", done, len(grids), f"Looking at object {number}")
        objects.append(_seen_from_around(field, grid.to(field.device), number, run))
    where = os.path.abspath(checkpoint)
    return SegmentResult(where, options, tuple(objects), field_facts(field))


def saved_masks(checkpoint: Path) -> dict[int, Float[Tensor, "x y z"]]:
    """The masks in a checkpoint by number, from 1: scores on the nodes of the field's grid.

    Raises:
        UserError: code ``no_masks`` where the file holds none, or they are all empty.
    """
    found = enumerate(read_mask_grids(checkpoint), start=1)
    grids = {number: grid for number, grid in found if (grid > 0).any()}
    if not grids:
        raise UserError(
            f"The masks in {checkpoint} are empty; choose a file that SA3D wrote after segmenting.",
            code="no_masks",
        )
    return grids


def _seen_from_around(
    field: RadianceField, scores: Float[Tensor, "x y z"], number: int, run: Run
) -> SegmentedObject:
    one = torch.ones(3, device=field.device)
    entry = SegmentedObject(
        name=f"object_{number}",
        lower=-one,
        upper=one,
        values=scores,
        free=torch.zeros_like(scores, dtype=torch.bool),
        level=1.0,
        soft=True,
    )
    target = _target(field, entry)
    cameras = [c for c in _looks(field, target) if is_clear(field, c, target, run)]
    views = [render_view(field, camera, with_color=False, run=run) for camera in cameras]
    seen = [(view, mask) for view in views if (mask := entry.mask(view)).any()]
    if not seen:
        return entry
    x, y, z = scores.shape
    free = carve(field, views, entry.lower, entry.upper, (x, y, z))
    return replace(entry, free=free, level=surface_density(field, seen))


def _target(field: RadianceField, entry: SegmentedObject) -> Target:
    x, y, z = entry.values.shape
    nodes = region_nodes(entry.lower, entry.upper, (x, y, z))[(entry.values > 0).view(-1)]
    points = field.field_from_grid(nodes).cpu().double().numpy()
    lower, upper = np.quantile(points, 0.01, axis=0), np.quantile(points, 0.99, axis=0)
    return Target((lower + upper) / 2, max(float(np.linalg.norm(upper - lower)) / 2, 1e-4))


def _looks(field: RadianceField, target: Target) -> list[Camera]:
    stand = photographers_stand(field, [])
    if stand is not None:
        start = framing_camera(stand.center, target, np.array([0.0, 1.0, 0.0]), VIEW_SIZE)
        return spiral(start, target, VIEWS, VIEW_SIZE, stand)
    up = np.array([0.0, 0.0, 1.0])
    away = np.array([0.8, 0.0, 0.6]) * DISTANCE * target.radius
    start = framing_camera(target.center + away, target, up, VIEW_SIZE)
    return orbit(start, target, VIEWS, VIEW_SIZE)
