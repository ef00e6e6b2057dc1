"""The main job end to end on the bundled scene: from a NeRF and one click to a mesh in Blender.

    python3.11 scripts/demo.py [--out FOLDER]

Installs what it needs into ``.venv``, loads the tabletop NeRF in Blender (as bpy, no window),
renders it from a camera, clicks once on the animal, cuts it out and imports the mesh.
Leaves ``demo.blend``, ``animal.glb`` and ``demo.png`` in the folder.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from environment import ENVIRONMENTS, ROOT, ensure

SCENE = ROOT / "tests" / "data" / "tabletop"
CLICK = (111.5, 82.5)
"""One click, in pixels of the 200x200 picture of the first test camera."""
NAME = "animal"


def main() -> int:
    """Set up, then run the job in the environment that was set up."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "demo_output")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        run(options.out)
        return 0
    print("Setting up .venv (the first time downloads about 700 MB) ...", flush=True)
    python = ensure(ENVIRONMENTS["main"])
    command = [str(python), __file__, "--inside", "--out", str(options.out.resolve())]
    return subprocess.run(command, check=False).returncode


def run(out: Path) -> None:
    """The job itself, with the functions behind the add-on's buttons."""
    sys.path.insert(0, str(ROOT))
    import bpy

    import sa3d_blender
    from sa3d_blender.blender import api

    out.mkdir(parents=True, exist_ok=True)
    os.environ["SA3D_ENGINE_PYTHON"] = sys.executable
    bpy.ops.wm.read_factory_settings(use_empty=True)
    sa3d_blender.register()
    try:
        print("Loading the NeRF", flush=True)
        nerf: Any = api.load_nerf(SCENE / "tabletop.th")
        camera = scene_camera()
        print("Rendering it from the camera", flush=True)
        view: Any = api.render_view(nerf, camera)
        api.add_prompt(nerf, x=CLICK[0], y=CLICK[1], object_name=NAME)
        print("Cutting out what was clicked on (at most 24 views; a minute or less)", flush=True)
        meshes: Any = api.segment(nerf, out=out)
        picture(meshes[0], view, out / "demo.png")
        with own_lines_only():
            bpy.ops.wm.save_as_mainfile(filepath=str(out / "demo.blend"), compress=True)
    finally:
        sa3d_blender.unregister()
    print(f"Done: {out / 'demo.blend'}, {out / (NAME + '.glb')}, {out / 'demo.png'}", flush=True)


def scene_camera() -> Any:
    """Blender's camera at the first test camera of the scene."""
    import bpy
    from mathutils import Matrix

    from sa3d_blender.core.cameras import read_transforms

    wanted = read_transforms(SCENE / "transforms_test.json", size=(200, 200))[0]
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = wanted.width
    data = bpy.data.cameras.new("Camera")
    data.sensor_width = 36.0
    data.lens = wanted.fl_x * data.sensor_width / wanted.width
    camera = bpy.data.objects.new("Camera", data)
    camera.matrix_world = Matrix(wanted.field_from_camera.tolist())
    scene.collection.objects.link(camera)
    scene.camera = camera
    bpy.context.view_layer.update()
    return camera


@contextmanager
def own_lines_only() -> Iterator[None]:
    """Keep what Blender prints by itself, such as Cycles' log, out of this script's output."""
    sys.stdout.flush()
    usual = [os.dup(number) for number in (1, 2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in (1, 2):
            os.dup2(nowhere, number)
        yield
    finally:
        for number, before in zip((1, 2), usual, strict=True):
            os.dup2(before, number)
            os.close(before)
        os.close(nowhere)


def picture(mesh: Any, view: Any, path: Path) -> None:
    """Side by side: the NeRF as the camera sees it, and the mesh alone from the same camera."""
    import bpy
    import numpy as np
    from PIL import Image

    scene = bpy.context.scene
    sky = bpy.data.worlds.new("Sky")
    scene.world = sky
    sky.use_nodes = True
    sky.node_tree.nodes["Background"].inputs["Color"].default_value = (0.9, 0.9, 0.9, 1)
    lamp = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    lamp.data.energy = 2.0
    lamp.rotation_euler = (0.6, 0.3, 0)
    scene.collection.objects.link(lamp)
    scene.render.engine = "CYCLES"
    scene.cycles.samples = 32
    scene.cycles.use_denoising = True
    scene.render.resolution_percentage = 300
    scene.view_settings.view_transform = "Standard"
    scene.render.filepath = str(path)
    with own_lines_only():
        bpy.ops.render.render(write_still=True)
    scene.render.resolution_percentage = 100
    right = Image.open(path).convert("RGB")
    width, height = view.size
    pixels = np.empty(width * height * 4, np.float32)
    view.pixels.foreach_get(pixels)
    flat = pixels.reshape(height, width, 4)[::-1, :, :3]
    left = Image.fromarray((flat.clip(0, 1) * 255).astype(np.uint8)).resize(right.size)
    both = Image.new("RGB", (right.width * 2, right.height))
    both.paste(left, (0, 0))
    both.paste(right, (right.width, 0))
    both.save(path)


if __name__ == "__main__":
    sys.exit(main())
