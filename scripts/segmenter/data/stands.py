"""What things stand on or in: plates, plates with studs, pots; and their surfaces."""

from __future__ import annotations

import math
import random
from pathlib import Path

import bmesh
import bpy
from materials import random_color, random_material
from mathutils import Matrix, Vector
from objects import Parts, box, lathe, mesh_object

PICTURED = 0.35
"""Share of floors and walls with a photographed texture."""


def surface(textures: list[Path], scale: float) -> bpy.types.Material:
    """A random material for something large: a texture from a file or a pattern."""
    if textures and random.random() < PICTURED:
        return pictured(random.choice(textures), scale * random.uniform(1.0, 4.0))
    if random.random() < 0.4:
        return plain(random_color())
    return random_material(scale=scale * random.uniform(0.2, 1.0))


def plain(color: tuple[float, float, float, float]) -> bpy.types.Material:
    """One colour, somewhat rough."""
    material = bpy.data.materials.new("plain")
    material.use_nodes = True
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = color
    shader.inputs["Roughness"].default_value = random.uniform(0.3, 0.9)
    return material


def pictured(path: Path, period: float) -> bpy.types.Material:
    """A texture repeated every ``period`` metres from three sides, tinted at random."""
    material = bpy.data.materials.new("pictured")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    place, turn = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeMapping")
    turn.inputs["Scale"].default_value = (1 / period,) * 3
    image = nodes.new("ShaderNodeTexImage")
    image.image = bpy.data.images.load(str(path), check_existing=True)
    image.projection = "BOX"
    tint = nodes.new("ShaderNodeHueSaturation")
    tint.inputs["Hue"].default_value = random.choice((0.5, random.random()))
    tint.inputs["Saturation"].default_value = random.uniform(0.3, 1.5)
    tint.inputs["Value"].default_value = random.uniform(0.5, 1.5)
    links.new(place.outputs["Object"], turn.inputs["Vector"])
    links.new(turn.outputs["Vector"], image.inputs["Vector"])
    links.new(image.outputs["Color"], tint.inputs["Color"])
    shader = nodes["Principled BSDF"]
    shader.inputs["Roughness"].default_value = random.uniform(0.4, 0.9)
    links.new(tint.outputs["Color"], shader.inputs["Base Color"])
    return material


def plate(size: Vector, textures: list[Path], kinds: tuple[str, ...]) -> bpy.types.Object:
    """A slab, disc or plate with studs below z = 0, somewhat larger than ``size``."""
    extent = max(size.x, size.y)
    thick = extent * random.uniform(0.015, 0.08)
    wide = [side * random.uniform(1.05, 1.7) + 0.1 * extent for side in (size.x, size.y)]
    kind = random.choice(kinds)
    if kind == "disc":
        reach = max(wide) * 0.6
        made = lathe([(reach, -thick), (reach, 0)], sides=64)
    elif kind == "slab":
        made = box(Vector((*wide, thick)), bevel=random.choice((0.0, thick * 0.3)))
        made.data.transform(Matrix.Translation((0, 0, -thick)))
    else:
        made = studded(wide[0], wide[1], max(wide) / random.randint(8, 20))
    made.data.materials.clear()
    coat = plain(random_color()) if kind == "studs" else surface(textures, extent * 0.5)
    made.data.materials.append(coat)
    return made


def studded(width: float, length: float, pitch: float) -> bpy.types.Object:
    """A toy brick's base plate with a stud every ``pitch`` metres, its top at z = 0."""
    build = bmesh.new()
    counts = [max(2, round(side / pitch)) for side in (width, length)]
    bmesh.ops.create_cube(
        build,
        size=1.0,
        matrix=Matrix.Translation((0, 0, -0.34 * pitch))
        @ Matrix.Diagonal((counts[0] * pitch, counts[1] * pitch, 0.24 * pitch, 1)),
    )
    for i in range(counts[0]):
        for j in range(counts[1]):
            x, y = (i + 0.5 - counts[0] / 2) * pitch, (j + 0.5 - counts[1] / 2) * pitch
            bmesh.ops.create_cone(
                build,
                cap_ends=True,
                segments=12,
                radius1=0.3 * pitch,
                radius2=0.3 * pitch,
                depth=0.22 * pitch,
                matrix=Matrix.Translation((x, y, -0.11 * pitch)),
            )
    return mesh_object("studs", build, smooth=False)


def pot(height: float) -> Parts:
    """A flower pot with earth in it, standing on z = 0."""
    low, high = height * random.uniform(0.3, 0.5), height * random.uniform(0.45, 0.7)
    rim = random.choice((1.0, 1.08, 1.15))
    outside = [(low, 0.0), (high, height * 0.8), (high * rim, height * 0.8), (high * rim, height)]
    if random.random() < 0.3:
        bulge = random.uniform(1.1, 1.4)
        outside = [
            (low * (1 + (bulge - 1) * math.sin(math.pi * t)) + (high - low) * t, height * t)
            for t in (i / 8 for i in range(9))
        ]
    wall = lathe([*outside, (outside[-1][0] * 0.88, height), (outside[-1][0] * 0.86, height * 0.8)])
    wall.data.materials.append(random.choice((plain(clay()), surface([], height))))
    earth = lathe([(outside[-1][0] * 0.87, height * 0.84), (0.01 * height, height * 0.88)])
    earth.data.materials.append(plain((0.05, 0.03, 0.02, 1.0)))
    return [wall, earth]


def clay() -> tuple[float, float, float, float]:
    """A colour of burnt clay, white glaze or dark plastic."""
    shade = random.uniform(0.7, 1.2)
    base = random.choice(((0.5, 0.2, 0.1), (0.75, 0.73, 0.7), (0.06, 0.06, 0.07)))
    return (*(min(1.0, shade * value) for value in base), 1.0)
