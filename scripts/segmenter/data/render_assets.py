"""Render random scenes of models, as render_scenes.py does of primitives (bpy, Cycles, CPU).

    python scripts/segmenter/data/render_assets.py --assets ASSETS --out data/assets \
        --scenes 200 --views 6 --seed 1

The files are those of render_scenes.py, but nearness has another unit in each picture. Scenes
that are there are not rendered again.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import resource
import sys
import tempfile
import time
from pathlib import Path

import bpy
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from asset_library import Library
from asset_scenes import Setting, build
from asset_views import ATTEMPTS, Views, good, light
from passes import develop, see, set_up_passes, shoot, write
from render_scenes import set_up_render

SIZE = 320
MOST_MEMORY = 2_500_000
"""Kilobytes from which on the program starts anew: Blender does not return all memory."""


def main() -> None:
    """Render the scenes that are missing."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--assets", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--scenes", type=int, default=100)
    arguments.add_argument("--views", type=int, default=6)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    set_up_render(scene)
    set_up_passes(scene)
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    library = Library(options.assets, str(options.seed))
    for number in range(options.scenes):
        name = f"a{options.seed}_{number:04d}"
        if (options.out / f"{name}_{options.views - 1}_geometry.png").exists():
            continue
        if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MOST_MEMORY:
            os.execv(sys.executable, [sys.executable, *sys.argv])
        random.seed(f"assets {options.seed} {number}")
        np.random.seed(random.getrandbits(32))
        started, worked = time.time(), time.process_time()
        kind = render_scene(library, options.out, name, options.views)
        spent = [time.time() - started, time.process_time() - worked]
        each = [f"{seconds / options.views:.2f}" for seconds in spent]
        print(f"{name} {kind}: {each[0]} s a view, {each[1]} s of the processor", flush=True)
        clear()


def render_scene(library: Library, out: Path, name: str, views: int) -> str:
    """Build one scene and render it from several cameras; returns its kind."""
    scene = bpy.context.scene
    setting = build(library)
    light(scene, setting, library.hdris)
    scene.render.film_transparent = setting.cut_out
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    background = plain_background(setting)
    cameras = Views(setting, views)
    with tempfile.TemporaryDirectory() as scratch:
        for view in range(views):
            for attempt in range(ATTEMPTS):
                wanted, fill = cameras.place(camera, view, attempt)
                geometry = see(scene, Path(scratch))
                if good(geometry, wanted, fill):
                    break
            picture = develop(shoot(scene, Path(scratch)), geometry.objects > 0, background)
            focal = 0.5 / math.tan(camera.data.angle / 2)
            write(out / f"{name}_{view}", picture, geometry, focal)
    return setting.kind


def plain_background(setting: Setting) -> np.ndarray | None:
    """White, black or any colour behind what is cut out."""
    if not setting.cut_out:
        return None
    colors = np.ones(3), np.zeros(3), np.random.uniform(0, 1, 3)
    return random.choices(colors, (6, 3, 1))[0]


def clear() -> None:
    """Empty the scene; the library's meshes stay."""
    for left in list(bpy.context.scene.objects):
        bpy.data.objects.remove(left)
    bpy.data.orphans_purge(do_recursive=True)


if __name__ == "__main__":
    main()
