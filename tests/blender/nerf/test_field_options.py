"""What a checkpoint does not say about itself goes from the panel to the engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bpy
from bl_ext.user_default.sa3d_blender.blender import api


def asked(nerf: bpy.types.Object, out: Path) -> dict[str, Any]:
    """The options that a run asks the engine for."""
    api.add_camera(nerf)
    api.add_prompt(nerf, x=160, y=120)
    api.segment(nerf, out=out)
    return json.loads((out / "request.json").read_text(encoding="utf-8"))["options"]


def test_a_script_sets_the_sample_step_on_loading(checkpoint: Path, tmp_path: Path) -> None:
    nerf = api.load_nerf(checkpoint, background="white", voxels_per_step=0.75)
    assert nerf.sa3d.nerf.voxels_per_step == 0.75
    options = asked(nerf, tmp_path)
    assert (options["voxels_per_step"], options["background"]) == (0.75, "white")


def test_the_artist_sets_it_afterwards(nerf: bpy.types.Object, tmp_path: Path) -> None:
    assert asked(nerf, tmp_path)["voxels_per_step"] is None
    nerf.sa3d.nerf.voxels_per_step = 1.25
    assert asked(nerf, tmp_path)["voxels_per_step"] == 1.25
