"""The views in which a click helps most: their pictures and masks beside the result, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...core.array_file import save_array
from ...core.cameras import Camera
from ...core.errors import UserError
from ...core.prompts import read_json
from ..mask_grids.result import SegmentedObject
from ..rendering.picture_files import read_picture, write_png
from ..segmentation.confidence import Confidence
from ..segmentation.shape_doubt import Shape
from ..segmentation.where_to_help import disagreeing
from ..view_path.view_memory import Notes

FOLDER = "views"
"""Beside the result; it holds those of the last run."""


def tell_what_is_doubtful(
    objects: Sequence[dict[str, Any]],
    views: Sequence[dict[str, Any]],
    notes: Callable[[Camera], Notes],
    out: Path,
    found: Sequence[SegmentedObject],
) -> None:
    """Add to each object how sure the run is of it, and where a click would help.

    Args:
        objects: as `write_objects` describes them; each gets ``confidence`` and ``note``, see
            `Confidence.to_json`, and ``disagree``: the entries of `disagreeing` with ``picture``
            and ``mask``, paths of PNGs of the same size.
        views: a run's report of its views, as `pipeline.segment` gives it.
        notes: what is remembered of a camera's view.
        found: what the run found, by which loose blobs are told.
        out: the result's folder; what the run before wrote there is removed.
    """
    for old in (out / FOLDER).glob("*.png"):
        old.unlink(missing_ok=True)
    shapes = {entry.name: Shape.of(entry) for entry in found}
    for entry in objects:
        name, stem = entry["name"], Path(entry["glb"]).stem
        entry |= Confidence.of(name, views).to_json(name, shapes[name])
        entry["disagree"] = disagreeing(name, views)
        for doubtful in entry["disagree"]:
            seen = notes(Camera.from_json(doubtful["camera"]))
            file = f"{stem}_{doubtful['view']}"
            picture, mask = out / FOLDER / f"{file}.png", out / FOLDER / f"{file}_mask.png"
            write_png(picture, seen.picture)
            write_png(mask, seen.cut(name).mask.astype(np.uint8) * 255)
            doubtful |= {"picture": str(picture), "mask": str(mask)}


def read_doubtful(report: Path, name: str, view: int, out: Path) -> dict[str, Any]:
    """A view that a report names, for the add-on.

    Args:
        report: of the run, ``report.json``.
        name: of the object.
        view: its number in the report.
        out: folder for the arrays.

    Returns:
        ``{camera, image, mask}``: the camera as JSON in the field frame, and paths of ``view.npy``,
        float32 [h w 3] in [0, 1], and ``view_mask.npy``, bool [h w], top row first.

    Raises:
        UserError: the report does not name that view, or its files are gone.
    """
    told = read_json(report, "report")
    try:
        objects = {entry["name"]: entry["disagree"] for entry in told["objects"]}
        entry = next(entry for entry in objects[name] if entry["view"] == view)
        camera, folder = entry["camera"], report.parent / FOLDER  # the report may have been moved
        picture, mask = (folder / Path(entry[what]).name for what in ("picture", "mask"))
    except (KeyError, TypeError, StopIteration) as error:
        raise UserError(
            f"{report} names no view {view} of {name!r} in which to help; segment again.",
            code="view_gone",
        ) from error
    image = read_picture(picture).astype(np.float32) / 255
    save_array(out / "view.npy", image)
    save_array(out / "view_mask.npy", read_picture(mask)[..., 0] > 127)
    return {
        "camera": camera,
        "image": str(out / "view.npy"),
        "mask": str(out / "view_mask.npy"),
    }
