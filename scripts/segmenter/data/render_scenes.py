"""Render random scenes with exact masks to train the bundled segmenter on (bpy, Cycles, CPU).

    python scripts/segmenter/data/render_scenes.py --out data/scenes --scenes 200 --seed 1

Each picture ``NAME.png`` has a ``NAME_geometry.png``: red is 16 times the object (0: background,
1: support, 2 and above: objects) plus the number of its part; green and blue are the high and the
low byte of `NEAREST` / depth, depth along the view direction (0 where nothing is). ``NAME.json``
holds the focal length in picture widths.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

sys.path.insert(0, str(Path(__file__).parent))
from materials import add_ambient, random_color, random_material
from objects import Parts, box, lathe, random_parts

SIZE = 288
FIRST_OBJECT = 2
NEAREST = 0.5
"""Depth, in scene units, that is written as 1."""
FLAT_SHARE = 0.8
"""Scenes with ambient light by emission: free of noise, so fast, but without soft shadows."""


def main() -> None:
    """Render scenes until the count is reached."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, required=True)
    arguments.add_argument("--scenes", type=int, default=100)
    arguments.add_argument("--views", type=int, default=5)
    arguments.add_argument("--seed", type=int, default=0)
    options = arguments.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for number in range(options.scenes):
        random.seed(f"{options.seed} {number}")
        np.random.seed(random.getrandbits(32))
        name = f"s{options.seed}_{number:04d}"
        if not (options.out / f"{name}_{options.views - 1}_geometry.png").exists():
            render_scene(options.out, name, options.views)


def render_scene(out: Path, name: str, views: int) -> None:
    """Build one scene and render it from several cameras."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    set_up_render(scene)
    kind = random.choices(("table", "floor", "shelf", "room", "air"), (4, 3, 2, 2, 1))[0]
    depth = build_support(kind)
    place_objects(kind)
    flat = random.random() < FLAT_SHARE
    light(scene, flat=flat)
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    geometry = geometry_material()
    for view in range(views):
        place_camera(camera, kind, depth)
        scene.cycles.samples, scene.cycles.use_denoising = (6, False) if flat else (6, True)
        lens = {"focal": 0.5 / math.tan(camera.data.angle / 2)}
        (out / f"{name}_{view}.json").write_text(json.dumps(lens))
        render_pair(scene, geometry, out / f"{name}_{view}")


def set_up_render(scene: bpy.types.Scene) -> None:
    """Cycles on one thread, small and denoised."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.max_bounces = 2
    scene.render.dither_intensity = 0.0
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    scene.render.resolution_x = scene.render.resolution_y = SIZE
    scene.render.use_persistent_data = True
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.compression = 30


def render_pair(scene: bpy.types.Scene, geometry: bpy.types.Material, path: Path) -> None:
    """The picture, and what is where in it."""
    layer = scene.view_layers[0]
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "GAUSSIAN", 1.5
    scene.view_settings.view_transform = random.choice(("Standard", "Standard", "AgX"))
    scene.render.filepath = f"{path}.png"
    bpy.ops.render.render(write_still=True)
    world, scene.world = scene.world, None
    layer.material_override = geometry
    scene.cycles.samples, scene.cycles.use_denoising = 1, False
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = "BOX", 0.01
    scene.view_settings.view_transform = "Raw"
    scene.render.filepath = f"{path}_geometry.png"
    bpy.ops.render.render(write_still=True)
    layer.material_override, scene.world = None, world


def geometry_material() -> bpy.types.Material:
    """Emits the object index in red and the bytes of the depth in green and blue, times 1/255."""
    material = bpy.data.materials.new("geometry")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()

    def arithmetic(operation: str, first, second):  # type: ignore[no-untyped-def]
        node = nodes.new("ShaderNodeMath")
        node.operation = operation
        for socket, value in zip(node.inputs, (first, second), strict=False):
            if isinstance(value, float):
                socket.default_value = value
            else:
                links.new(value, socket)
        return node.outputs["Value"]

    index = nodes.new("ShaderNodeObjectInfo").outputs["Object Index"]
    depth = nodes.new("ShaderNodeCameraData").outputs["View Z Depth"]
    whole = arithmetic("DIVIDE", NEAREST * 65535, depth)
    whole = arithmetic("FLOOR", arithmetic("MINIMUM", whole, 65535.0), 0.0)
    high = arithmetic("FLOOR", arithmetic("DIVIDE", whole, 256.0), 0.0)
    low = arithmetic("SUBTRACT", whole, arithmetic("MULTIPLY", high, 256.0))
    join = nodes.new("ShaderNodeCombineColor")
    for name, value in (("Red", index), ("Green", high), ("Blue", low)):
        links.new(arithmetic("DIVIDE", value, 255.0), join.inputs[name])
    emission = nodes.new("ShaderNodeEmission")
    output = nodes.new("ShaderNodeOutputMaterial")
    links.new(join.outputs["Color"], emission.inputs["Color"])
    links.new(emission.outputs["Emission"], output.inputs["Surface"])
    return material


def finish(parts: Parts, number: int, *, scale: float, one_material: bool) -> None:
    """Give an object's parts their materials and indices."""
    shared = random_material(scale=scale)
    for i, part in enumerate(parts):
        part.pass_index = number * 16 + min(i, 15)
        part.data.materials.append(shared if one_material else random_material(scale=scale))


def build_support(kind: str) -> float:
    """What the objects stand on; returns the distance of a wall behind them (0: none)."""
    if kind == "air":
        return 0.0
    if kind == "table":
        reach = random.uniform(1.3, 2.2)
        if random.random() < 0.5:
            top = lathe([(reach, -0.12), (reach, 0)], sides=64)
        else:
            top = box(Vector((2 * reach, reach * random.uniform(1.2, 2), 0.12)))
            top.location.z = -0.12
        finish([top], 1, scale=random.uniform(0.2, 1.0), one_material=True)
        return 0.0
    floor = box(Vector((40, 40, 0.1)) if kind != "shelf" else Vector((5, 1.4, 0.12)))
    floor.location.z = -floor.dimensions.z if floor.dimensions.z else -0.1
    floor.location.z = -0.1 if kind != "shelf" else -0.12
    finish([floor], 1, scale=random.uniform(0.3, 2.0), one_material=True)
    if kind == "floor":
        return 0.0
    wall = box(Vector((40 if kind == "room" else 6, 0.1, 10 if kind == "room" else 4)))
    distance = random.uniform(0.7, 2.5) if kind == "room" else 0.7
    wall.location = (0, distance, -0.1 if kind == "room" else -1.5)
    finish([wall], 1, scale=random.uniform(0.5, 2.0), one_material=True)
    return distance


def place_objects(kind: str) -> None:
    """Three to nine objects, mostly apart, sometimes touching, sometimes alike."""
    taken: list[tuple[Vector, float]] = []
    twins = random_material(scale=0.3) if random.random() < 0.15 else None
    for number in range(FIRST_OBJECT, FIRST_OBJECT + random.randint(3, 9)):
        size = random.uniform(0.3, 0.95)
        spread = (1.8, 0.35) if kind == "shelf" else (1.1, 1.1 if kind != "room" else 0.6)
        for _ in range(30):
            spot = Vector((random.uniform(-1, 1) * spread[0], random.uniform(-1, 1) * spread[1], 0))
            room = random.choice((0.35, 0.5, 0.55))
            if all((spot - other).length > room * (size + reach) for other, reach in taken):
                break
        else:
            continue
        taken.append((spot, size))
        parts = random_parts(size)
        finish(parts, number, scale=size * 0.4, one_material=random.random() < 0.6)
        if twins is not None and random.random() < 0.7:
            for part in parts:
                part.data.materials.clear()
                part.data.materials.append(twins)
        holder = bpy.data.objects.new("holder", None)
        bpy.context.scene.collection.objects.link(holder)
        for part in parts:
            part.parent = holder
        holder.location = spot
        holder.rotation_euler.z = random.uniform(0, 6.3)
        if kind == "air" or random.random() < 0.08:
            holder.rotation_euler = [random.uniform(0, 6.3) for _ in range(3)]
            holder.location.z = random.uniform(-0.6, 0.6) if kind == "air" else size * 0.5


def light(scene: bpy.types.Scene, *, flat: bool) -> None:
    """A plain sky of any brightness and one or two lamps; if flat, the sky sheds no light."""
    world = bpy.data.worlds.new("world")
    scene.world = world
    world.use_nodes = True
    sky = world.node_tree.nodes["Background"]
    grey = random.choice((1.0, 1.0, 0.02, random.random()))
    sky.inputs["Color"].default_value = random.choice(((grey,) * 3 + (1,), random_color()))
    sky.inputs["Strength"].default_value = random.uniform(0.4, 1.0)
    if flat:
        world.cycles_visibility.diffuse = world.cycles_visibility.glossy = False
        scene.cycles.max_bounces = 0
        add_ambient(random.uniform(0.1, 0.6))
    for _ in range(random.randint(1, 2)):
        lamp = bpy.data.lights.new("lamp", random.choice(("SUN", "POINT" if flat else "AREA")))
        lamp.energy = random.uniform(1, 4) if lamp.type == "SUN" else random.uniform(60, 300)
        if lamp.type == "SUN":
            lamp.angle = random.uniform(0.01, 0.08 if flat else 0.5)
        elif flat:
            lamp.shadow_soft_size = random.uniform(0.02, 0.2)
        else:
            lamp.size = random.uniform(0.3, 3)
        holder = bpy.data.objects.new("lamp", lamp)
        holder.location = (random.uniform(-4, 4), random.uniform(-4, 1), random.uniform(2.5, 5))
        holder.rotation_euler = (-holder.location).to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(holder)


def place_camera(camera: bpy.types.Object, kind: str, depth: float) -> None:
    """Anywhere around the objects, or in front of them where a wall is behind."""
    azimuth = random.uniform(0, 2 * math.pi)
    elevation = math.radians(random.uniform(8, 65))
    if depth:
        azimuth, elevation = (
            -math.pi / 2 + random.gauss(0, 0.4),
            math.radians(random.uniform(3, 35)),
        )
    distance = random.uniform(2.0, 6.0)
    aim = Vector([random.gauss(0, 0.25) for _ in range(2)] + [random.uniform(0.0, 0.4)])
    offset = Vector(
        (
            math.cos(azimuth) * math.cos(elevation),
            math.sin(azimuth) * math.cos(elevation),
            math.sin(elevation),
        )
    )
    camera.location = aim + distance * offset
    camera.rotation_euler = (-offset).to_track_quat("-Z", "Y").to_euler()
    camera.rotation_euler.rotate_axis("Z", random.gauss(0, 0.08))
    camera.data.angle = math.radians(random.uniform(22, 55))


if __name__ == "__main__":
    main()
