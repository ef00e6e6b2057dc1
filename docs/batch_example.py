"""Many NeRFs to meshes, without a window: the add-on's functions in a script.

    blender --background --python docs/batch_example.py -- --out FOLDER CHECKPOINT...
    python docs/batch_example.py --out FOLDER CHECKPOINT...       (a Python with bpy)

Looks at the middle of each NeRF's box, clicks at one place of the picture, and leaves for each
checkpoint a folder with the .blend, the mesh as .glb, and the report. What fails is one sentence,
and the next checkpoint is worked on. The exit code is 1 when any of them failed.

The engine must be set up, or SA3D_ENGINE_PYTHON name a Python with its packages.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

import bpy

EXTENSION = "bl_ext.user_default.sa3d_blender"


def main() -> int:
    """Work through the checkpoints of the command line."""
    own = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoints", nargs="+", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--at", default="0.5,0.5", help="where to click, as parts of the picture")
    parser.add_argument("--views", type=int, default=24)
    options = parser.parse_args(own)
    x, y = (float(part) for part in options.at.split(","))
    package, was_enabled = add_on()
    api = importlib.import_module(f"{package.__name__}.blender.api")
    errors = importlib.import_module(f"{package.__name__}.core.errors")
    failed = 0
    try:
        for checkpoint in options.checkpoints:
            try:
                made = cut(api, checkpoint, options.out.resolve(), (x, y), options.views)
                print(f"{checkpoint}: {made}", flush=True)
            except errors.UserError as error:
                failed += 1
                print(f"{checkpoint}: {error}", file=sys.stderr, flush=True)
    finally:
        api.stop_engine()
        if not was_enabled:
            package.unregister()
    return int(failed > 0)


def add_on() -> tuple[Any, bool]:
    """The add-on, and whether it is enabled in this Blender; else it is taken from this folder."""
    if EXTENSION in bpy.context.preferences.addons:
        return importlib.import_module(EXTENSION), True
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    package = importlib.import_module("sa3d_blender")
    package.register()
    return package, False


def cut(api: Any, checkpoint: Path, out: Path, at: tuple[float, float], views: int) -> str:
    """One checkpoint, from an empty file to a saved one; says what was made."""
    bpy.ops.wm.read_homefile(use_empty=True)
    folder = out / checkpoint.stem
    nerf = api.load_nerf(checkpoint)
    nerf.sa3d.nerf.views = views
    api.add_camera(nerf)
    render = bpy.context.scene.render
    api.add_prompt(
        nerf,
        x=at[0] * render.resolution_x,
        y=at[1] * render.resolution_y,
        object_name="object",
    )
    (mesh,) = api.segment(nerf, out=folder)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / f"{checkpoint.stem}.blend"))
    return f"{len(mesh.data.polygons):,} faces in {folder}"


if __name__ == "__main__":
    sys.exit(main())
