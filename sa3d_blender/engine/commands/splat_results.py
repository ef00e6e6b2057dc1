"""Objects of a splat as splats: their Gaussians, or all the others, in files of their own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from ...core.errors import UserError
from ..fields.protocol import PrimitiveField, RadianceField
from ..mask_grids.result import SegmentedObject
from ..meshing.footprint import left_standing

ENDING, POINTS_ENDING = "_splat.ply", "_splat.npz"
"""End the names of an object's files."""


def write_objects_splats(
    field: RadianceField, objects: Iterable[SegmentedObject], written: Iterable[dict[str, Any]]
) -> None:
    """Write ``NAME_splat.ply`` beside each object's mesh, where the field is made of Gaussians.

    Args:
        written: what is said of the objects' files; see `write_splat`.
    """
    if not isinstance(field, PrimitiveField):
        return
    by_name = {entry.name: entry for entry in objects}
    for files in written:
        entry = by_name[files["name"]]
        if entry.primitives is None or len(entry.primitives) == 0:
            continue
        write_splat(field, gaussians_of(field, [entry]), files)


def write_rest_splat(
    field: RadianceField, objects: Sequence[SegmentedObject], files: dict[str, Any]
) -> None:
    """Write the Gaussians of no object beside the rest's mesh, where the objects have such.

    Args:
        files: what is said of the rest's files; see `write_splat`.
    """
    if isinstance(field, PrimitiveField) and all(o.primitives is not None for o in objects):
        chosen = gaussians_of_rest(field, objects)
        if chosen.any():
            write_splat(field, chosen, files)


def write_splat(field: PrimitiveField, chosen: Bool[Tensor, " n"], files: dict[str, Any]) -> None:
    """Write some Gaussians beside a mesh, and a few of them as coloured points for the add-on.

    Args:
        files: what is said of the mesh's files; ``splat`` and ``splat_points`` are added.
    """
    glb = Path(files["glb"])
    splat, points = (glb.with_name(f"{glb.stem}{end}") for end in (ENDING, POINTS_ENDING))
    field.save_primitives(chosen, splat)
    field.primitive_points(chosen).save(points)
    files |= {"splat": str(splat), "splat_points": str(points)}


def save_splat(
    field: RadianceField, objects: Sequence[SegmentedObject], path: Path, *, rest: bool
) -> int:
    """Write the Gaussians of some objects, or those of none of them, as one ``.ply``.

    Returns:
        Their number.

    Raises:
        UserError: the field is no splat, nothing is left, or the file cannot be written.
    """
    if not isinstance(field, PrimitiveField) or any(o.primitives is None for o in objects):
        raise UserError(
            "The result was not made from a 3D Gaussian splat, so there are no Gaussians to save; "
            "use sa3d mesh.",
            code="no_splat",
        )
    if path.suffix.lower() != ".ply":
        raise UserError(f"{path.name} must end in .ply; give it that ending.")
    chosen = (gaussians_of_rest if rest else gaussians_of)(field, objects)
    if not chosen.any():
        raise UserError("No Gaussian is left to save; choose other objects.", code="empty_splat")
    field.save_primitives(chosen, path)
    return int(chosen.sum())


def gaussians_of(field: PrimitiveField, objects: Sequence[SegmentedObject]) -> Bool[Tensor, " n"]:
    """Which of a field's Gaussians belong to any of some objects.

    Raises:
        UserError: the objects are of a splat with more Gaussians.
    """
    count = len(field.primitive_centers())
    chosen = torch.zeros(count, dtype=torch.bool, device=field.device)
    for entry in objects:
        assert entry.primitives is not None
        if len(entry.primitives) and int(entry.primitives.max()) >= count:
            raise UserError(
                "The result is of a splat with more Gaussians; segment again.", code="other_field"
            )
        chosen[entry.primitives] = True
    return chosen


def gaussians_of_rest(
    field: PrimitiveField, objects: Sequence[SegmentedObject]
) -> Bool[Tensor, " n"]:
    """Which belong to none of some objects, without those that were hidden within or under one.

    Raises:
        UserError: as `gaussians_of`.
    """
    return ~gaussians_of(field, objects) & ~left_standing(field, objects, field.primitive_centers())
