"""What a run found of an object. Every new picture begins with how that looks there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from ..properties import SA3D_SegmentObject

OBJECT = "sa3d_object"
"""Custom property of a mesh: the name under which it stands in the engine's result."""


def made_as(entry: bpy.types.PropertyGroup) -> str:
    """The name under which an entry's mesh stands in the engine's result; it may have changed."""
    return str(entry.result.get(OBJECT, entry.name))


def found_params(nerf: bpy.types.Object, entry: SA3D_SegmentObject) -> dict[str, Any] | None:
    """What a request about an entry's mask says of the last run; None where that found nothing.

    The file's time is in it, so that another run's result is another question.
    """
    stored = nerf.sa3d.nerf.result
    if not stored or entry.result is None:
        return None
    path = Path(bpy.path.abspath(stored))
    try:
        made_at = path.stat().st_mtime_ns
    except OSError:
        return None
    return {"result": str(path), "made_at": made_at, "found": {entry.name: made_as(entry)}}
