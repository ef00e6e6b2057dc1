"""Params of small jobs on the bundled scene, as they go over the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sa3d_blender.core.cameras import Camera, read_transforms

TESTS = Path(__file__).resolve().parents[1]
SCENE = TESTS / "data" / "tabletop"
CHECKPOINT = SCENE / "tabletop_cp_sh.th"
BOX = [67.5, 111.5]


def camera(size: int = 200) -> Camera:
    """The first test camera, at another size."""
    return read_transforms(SCENE / "transforms_test.json", size=(size, size))[0]


def field(path: Path = CHECKPOINT) -> dict[str, Any]:
    """The params that name a field."""
    return {"checkpoint": str(path), "options": {}}


def job(out: Path, **changed: Any) -> dict[str, Any]:
    """A small run that cuts out the box."""
    return {
        **field(),
        "camera": camera().to_json(),
        "objects": [{"name": "Kiste 箱", "points": [BOX], "labels": [1]}],
        "settings": {"views": 2, "view_size": 48},
        "mesh": {"resolution": 24},
        "out": str(out),
        **changed,
    }
