"""Light for scenes of assets, and cameras that frame something in them."""

from __future__ import annotations

import math
import random
from pathlib import Path

import bpy
import numpy as np
from asset_scenes import Setting
from materials import random_color
from mathutils import Vector
from passes import Geometry
from stage import Item

FILLS = (0.3, 1.3)
"""Least and most extent of the box around what a camera looks at, in widths of the picture."""
ATTEMPTS = 5
"""Cameras that are tried for a view; the last one sees everything from the front."""
SKY_MAP = 256
"""Pixels across of the table by which light is drawn from the sky; by itself, Blender takes
thousands, which takes seconds.
"""
LEAST_SEEN = 0.35
"""Share of the expected pixels of the target that has to be seen."""


def light(scene: bpy.types.Scene, setting: Setting, hdris: list[Path]) -> None:
    """A photographed sky, or an even one with a lamp or two."""
    world = bpy.data.worlds.new("world")
    scene.world = world
    world.use_nodes = True
    world.cycles.sampling_method, world.cycles.sample_map_resolution = "MANUAL", SKY_MAP
    even = random.random() < (0.5 if setting.cut_out else 0.35)
    if even or not hdris:
        _even_sky(world)
    else:
        _pictured_sky(world, random.choice(hdris))
    size = max(np.ptp(np.concatenate([i.corners for i in setting.targets]), axis=0))
    for _ in range(random.randint(1, 2) if even else random.randint(0, 1)):
        _lamp(scene, setting.targets[0].middle, float(size))


def _even_sky(world: bpy.types.World) -> None:
    """One colour, mostly grey to white."""
    sky = world.node_tree.nodes["Background"]
    grey = random.choice((1.0, 1.0, random.uniform(0.2, 1)))
    sky.inputs["Color"].default_value = random.choice(((grey,) * 3 + (1,),) * 3 + (random_color(),))
    sky.inputs["Strength"].default_value = random.uniform(0.3, 1.0)


def _pictured_sky(world: bpy.types.World, path: Path) -> None:
    """A panorama, turned at random."""
    nodes, links = world.node_tree.nodes, world.node_tree.links
    picture = nodes.new("ShaderNodeTexEnvironment")
    picture.image = bpy.data.images.load(str(path), check_existing=True)
    place, turn = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeMapping")
    turn.inputs["Rotation"].default_value = (0, 0, random.uniform(0, 6.3))
    links.new(place.outputs["Generated"], turn.inputs["Vector"])
    links.new(turn.outputs["Vector"], picture.inputs["Vector"])
    links.new(picture.outputs["Color"], nodes["Background"].inputs["Color"])


def _lamp(scene: bpy.types.Scene, at: Vector, size: float) -> None:
    """A sun or an area lamp above something of a size."""
    lamp = bpy.data.lights.new("lamp", random.choice(("SUN", "SUN", "AREA")))
    holder = bpy.data.objects.new("lamp", lamp)
    azimuth, elevation = random.uniform(0, 6.3), math.radians(random.uniform(25, 80))
    aside = math.cos(elevation)
    towards = Vector((math.cos(azimuth) * aside, math.sin(azimuth) * aside, math.sin(elevation)))
    distance = size * random.uniform(1.5, 3)
    if lamp.type == "SUN":
        lamp.energy, lamp.angle = random.uniform(1, 4), random.uniform(0.01, 0.3)
    else:
        lamp.energy, lamp.size = random.uniform(8, 40) * distance**2, size * random.uniform(0.3, 2)
    holder.location = at + distance * towards
    holder.rotation_euler = towards.to_track_quat("Z", "Y").to_euler()
    scene.collection.objects.link(holder)


class Views:
    """Cameras all around a scene, or in a small grid before it."""

    def __init__(self, setting: Setting, count: int) -> None:
        self._setting, self._count = setting, count
        self._grid = random.random() < 0.25
        self._start = random.uniform(*setting.azimuths)
        self._elevation = random.uniform(*setting.elevations)
        self._fill = random.uniform(0.6, 1.15)
        self._angle = math.radians(random.uniform(22, 60))
        self._aim = self._target()

    def place(self, camera: bpy.types.Object, view: int, attempt: int) -> tuple[list[int], float]:
        """Move the camera; the numbers of the objects it looks at, and how much they fill."""
        if self._grid:
            spread = math.degrees(self._angle) * 0.25
            azimuth = self._start + spread * (view % 3 - 1) + random.gauss(0, 1.5)
            elevation = self._elevation + spread * (view // 3 - 0.5) + random.gauss(0, 1.5)
            fill, aim = self._fill * 0.93**attempt, self._aim
        else:
            azimuth = self._around(view) if not attempt else random.uniform(*self._setting.azimuths)
            elevation = random.uniform(*self._setting.elevations)
            fill, aim = random.triangular(*FILLS, 1.0), self._target()
            self._angle = math.radians(random.uniform(22, 60))
        if attempt == ATTEMPTS - 1:
            azimuth, elevation = np.mean(self._setting.azimuths), np.mean(self._setting.elevations)
            fill, aim = 0.7, self._setting.targets
        camera.data.angle = self._angle
        corners = np.concatenate([item.corners for item in aim])
        look(camera, corners, math.radians(azimuth), math.radians(elevation), fill)
        return [item.number for item in aim], fill

    def _around(self, view: int) -> float:
        """Azimuths spread over what is allowed."""
        low, high = self._setting.azimuths
        step = (high - low) / self._count
        return low + (self._start - low + view * step + random.gauss(0, step / 4)) % (high - low)

    def _target(self) -> list[Item]:
        """One thing, two, or all of them."""
        items = self._setting.targets
        count = random.choice((1, 1, 1, 2, len(items)))
        return random.sample(items, min(count, len(items)))


def look(
    camera: bpy.types.Object, corners: np.ndarray, azimuth: float, elevation: float, fill: float
) -> None:
    """Let points fill a share of the picture, seen from a direction."""
    middle = Vector((corners.min(0) + corners.max(0)) / 2)
    extent = float(np.linalg.norm(np.ptp(corners, axis=0)))
    aside = math.cos(elevation)
    back = Vector((math.cos(azimuth) * aside, math.sin(azimuth) * aside, math.sin(elevation)))
    turn = back.to_track_quat("Z", "Y").to_matrix()
    turned = (corners - np.array(middle)) @ np.array(turn)
    distance, focal = (
        extent / math.tan(camera.data.angle / 2),
        0.5 / math.tan(camera.data.angle / 2),
    )
    for _ in range(4):
        depth = np.maximum(distance - turned[:, 2], 0.1 * extent)
        seen = 2 * focal * np.abs(turned[:, :2] / depth[:, None]).max()
        distance = max(distance * float(seen) / fill, 0.45 * extent)
    shift = Vector((random.gauss(0, 0.08), random.gauss(0, 0.08), 0)) * max(1 - fill, 0.1)
    camera.location = middle + back * distance + (turn @ shift) * distance / focal
    camera.rotation_euler = turn.to_euler()
    camera.rotation_euler.rotate_axis("Z", random.gauss(0, 0.06))
    camera.data.clip_start, camera.data.clip_end = 0.02 * distance, 1000 + 10 * distance


def good(geometry: Geometry, wanted: list[int], fill: float) -> bool:
    """Whether what a camera looks at is in sight and nothing else covers the picture."""
    objects = geometry.objects
    seen = np.isin(objects, wanted)
    foremost = objects[(objects > 1) & ~seen]
    largest = np.bincount(foremost).max() / objects.size if foremost.size else 0.0
    return bool(seen.mean() > LEAST_SEEN * 0.25 * fill**2 and largest < 0.45)
