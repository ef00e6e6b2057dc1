"""Random objects for training scenes, each made of one or more parts (Blender objects)."""

from __future__ import annotations

import itertools
import math
import random

import bmesh
import bpy
from mathutils import Matrix, Vector, noise
from organic import amoeba, animal, carved, prism, tube

Parts = list[bpy.types.Object]


def mesh_object(name: str, build: bmesh.types.BMesh, *, smooth: bool = True) -> bpy.types.Object:
    """A scene object from a BMesh, which is freed."""
    mesh = bpy.data.meshes.new(name)
    build.to_mesh(mesh)
    build.free()
    for polygon in mesh.polygons:
        polygon.use_smooth = smooth
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def box(size: Vector, *, bevel: float = 0.0) -> bpy.types.Object:
    """A box standing on z = 0."""
    build = bmesh.new()
    bmesh.ops.create_cube(build, size=1.0)
    shift = Matrix.Translation((0, 0, size.z / 2)) @ Matrix.Diagonal((*size, 1))
    bmesh.ops.transform(build, matrix=shift, verts=build.verts)
    if bevel:
        bmesh.ops.bevel(
            build, geom=build.edges[:], offset=bevel, segments=3, affect="EDGES", profile=0.5
        )
    return mesh_object("box", build, smooth=False)


def torus(radius: float, thickness: float) -> bpy.types.Object:
    """A ring lying on z = 0."""
    build = bmesh.new()
    around, across = 36, 16
    rings = [
        [
            build.verts.new(
                (
                    (radius + thickness * math.cos(b)) * math.cos(a),
                    (radius + thickness * math.cos(b)) * math.sin(a),
                    thickness + thickness * math.sin(b),
                )
            )
            for b in (2 * math.pi * j / across for j in range(across))
        ]
        for a in (2 * math.pi * i / around for i in range(around))
    ]
    for i in range(around):
        for j in range(across):
            k, m = (i + 1) % around, (j + 1) % across
            build.faces.new((rings[i][j], rings[k][j], rings[k][m], rings[i][m]))
    return mesh_object("torus", build)


def lathe(profile: list[tuple[float, float]], *, sides: int = 40) -> bpy.types.Object:
    """A surface of revolution around z from (radius, height) pairs."""
    build = bmesh.new()
    rings = []
    for radius, height in profile:
        ring = [
            build.verts.new(
                (
                    radius * math.cos(2 * math.pi * i / sides),
                    radius * math.sin(2 * math.pi * i / sides),
                    height,
                )
            )
            for i in range(sides)
        ]
        rings.append(ring)
    for low, high in itertools.pairwise(rings):
        for i in range(sides):
            k = (i + 1) % sides
            build.faces.new((low[i], low[k], high[k], high[i]))
    for ring in (rings[0], rings[-1]):
        build.faces.new(ring)
    bmesh.ops.recalc_face_normals(build, faces=build.faces[:])
    return mesh_object("lathe", build)


def blob(radius: float, roughness: float, stretch: Vector) -> bpy.types.Object:
    """A lumpy ball standing on z = 0."""
    build = bmesh.new()
    bmesh.ops.create_icosphere(build, subdivisions=4, radius=radius)
    seed = Vector((random.uniform(-99, 99),) * 3)
    for vert in build.verts:
        lump = noise.noise(vert.co / radius * 1.3 + seed)
        vert.co *= 1 + roughness * lump
        vert.co = Vector((vert.co.x * stretch.x, vert.co.y * stretch.y, vert.co.z * stretch.z))
    lowest = min(vert.co.z for vert in build.verts)
    bmesh.ops.translate(build, vec=(0, 0, -lowest), verts=build.verts)
    return mesh_object("blob", build)


def mug(size: float) -> Parts:
    """A cup, hollow, mostly with a handle."""
    r, h, t = size * random.uniform(0.35, 0.5), size * random.uniform(0.7, 1.1), size * 0.05
    flare = random.uniform(0.8, 1.15)
    body = lathe(
        [(r * 0.98, 0), (r, h * 0.1), (r * flare, h), (r * flare - t, h), (r - t, h * 0.1)]
    )
    if random.random() < 0.2:
        return [body]
    handle = torus(h * 0.28, h * random.uniform(0.05, 0.09))
    handle.matrix_world = Matrix.Translation((r * (1 + flare) / 2, 0, h * 0.5)) @ Matrix.Rotation(
        math.pi / 2, 4, "X"
    )
    return [body, handle]


def vase(size: float) -> Parts:
    """A vase or bottle with a random smooth profile."""
    heights = [i / 9 for i in range(10)]
    phase, waves = random.uniform(0, 6), random.uniform(0.5, 1.6)
    body = [
        (size * (0.12 + 0.22 * (0.6 + 0.4 * math.sin(phase + waves * 6 * h))), h * size * 1.4)
        for h in heights
    ]
    parts = [lathe(body)]
    if random.random() < 0.3:
        cap = lathe([(body[-1][0] * 1.1, 0), (body[-1][0] * 1.0, size * 0.15)])
        cap.location.z = size * 1.4
        parts.append(cap)
    return parts


def creature(size: float) -> Parts:
    """A round head or body with ears, nose, feet, or arms stuck on."""
    stretch = Vector([random.uniform(0.8, 1.25) for _ in range(3)])
    parts = [blob(size * 0.45, random.uniform(0, 0.5), stretch)]
    middle = Vector((0, 0, parts[0].dimensions.z / 2 or size * 0.45))
    for _ in range(random.randint(1, 3)):
        direction = Vector([random.gauss(0, 1) for _ in range(3)]).normalized()
        direction.z = abs(direction.z) - 0.2
        radius = size * random.uniform(0.08, 0.24)
        ear_stretch = Vector([random.uniform(0.4, 1.3) for _ in range(3)])
        for side in (1, -1) if random.random() < 0.7 else (1,):
            ear = blob(radius, 0.2, ear_stretch)
            at = Vector((direction.x * side, direction.y, direction.z)) * size * 0.45 + middle
            ear.location = at - Vector((0, 0, radius * ear_stretch.z))
            parts.append(ear)
    return parts


def furniture(size: float) -> Parts:
    """A stool, chair or little table."""
    w, d, h = (size * random.uniform(0.5, 1.0) for _ in range(3))
    top = box(Vector((w, d, size * 0.1)), bevel=size * 0.02)
    top.location.z = h * 0.5
    parts = [top]
    for x in (-1, 1):
        for y in (-1, 1):
            leg = box(Vector((size * 0.08, size * 0.08, h * 0.5)))
            leg.location = (x * w * 0.42, y * d * 0.42, 0)
            parts.append(leg)
    if random.random() < 0.5:
        back = box(Vector((w, size * 0.08, h * 0.6)))
        back.location = (0, d * 0.45, h * 0.5)
        parts.append(back)
    return parts


def books(size: float) -> Parts:
    """One thin box, standing or lying."""
    thick = size * random.uniform(0.1, 0.25)
    sides = [thick, size * random.uniform(0.5, 0.8), size]
    if random.random() < 0.4:
        sides.reverse()
    return [box(Vector(sides), bevel=size * 0.01)]


def text(size: float) -> Parts:
    """A thick letter or short word."""
    curve = bpy.data.curves.new("text", "FONT")
    curve.body = "".join(random.choices("ABCDEFGHKMNPRSTXZ2345678&?", k=random.randint(1, 2)))
    curve.extrude, curve.bevel_depth, curve.size = 0.15, 0.02, 1.0
    curve.align_x = "CENTER"
    holder = bpy.data.objects.new("text", curve)
    bpy.context.scene.collection.objects.link(holder)
    holder.rotation_euler.x = math.pi / 2
    holder.scale = (size, size, size)
    return [holder]


def ball_stack(size: float) -> Parts:
    """Balls, cones and cylinders on top of each other: a snowman, a tower, a mushroom."""
    parts, height = [], 0.0
    for _ in range(random.randint(2, 3)):
        r, h = size * random.uniform(0.15, 0.4), size * random.uniform(0.25, 0.5)
        kind = random.random()
        if kind < 0.4:
            part = blob(r, 0.0, Vector((1, 1, 1)))
            h = 2 * r
        elif kind < 0.7:
            part = lathe([(r, 0), (r, h)])
        else:
            part = lathe([(r, 0), (r * 0.03, h)])
        part.location.z = height
        height += h * 0.95
        parts.append(part)
    return parts


def simple(size: float) -> Parts:
    """A single primitive."""
    kind = random.choice(("box", "box", "torus", "torus", "ball", "cylinder", "cone", "blob"))
    if kind == "box":
        sides = [size * random.uniform(0.4, 0.9) for _ in range(3)]
        cube = [size * 0.65] * 3
        shape = random.choice((sides, cube))
        return [box(Vector(shape), bevel=random.choice((0.0, 0.04)) * size)]
    if kind == "torus":
        return [torus(size * random.uniform(0.3, 0.45), size * random.uniform(0.08, 0.22))]
    if kind == "cylinder":
        r = size * random.uniform(0.2, 0.5)
        return [lathe([(r, 0), (r, size * random.uniform(0.2, 1.0))])]
    if kind == "cone":
        r = size * random.uniform(0.3, 0.5)
        return [lathe([(r, 0), (r * random.uniform(0.02, 0.6), size * 0.9)])]
    roughness = 0.0 if kind == "ball" else random.uniform(0.3, 1.0)
    return [blob(size * 0.42, roughness, Vector([random.uniform(0.8, 1.2) for _ in range(3)]))]


def random_parts(size: float) -> Parts:
    """Any object of about this size, standing on z = 0 around the origin."""
    kinds = (simple, simple, simple, mug, mug, vase, creature, furniture, books, text, ball_stack)
    organic = (animal, animal, amoeba, amoeba, carved, tube, prism)
    return random.choice((*kinds, *organic))(size)
