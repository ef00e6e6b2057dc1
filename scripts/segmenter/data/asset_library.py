"""The models of an assets folder: what each is for, and how it is loaded once and used often."""

from __future__ import annotations

import contextlib
import csv
import io
import random
from dataclasses import dataclass
from pathlib import Path

import bpy
import numpy as np
from materials import random_color
from mathutils import Matrix, Vector
from part_groups import group_parts

ROLES = Path(__file__).with_name("asset_roles.tsv")
"""Longest side in metres and use of the models that were looked at."""
REPAINTED = 0.35
"""Share of scenes in which materials of one colour get others."""
MOST_TRIANGLES = 300_000
"""Models with more take too long and are left out."""
SHARP_ANGLE = 0.6
"""Bricks come without normals: edges of at least this angle, in radians, are sharp."""


@dataclass(frozen=True)
class Asset:
    """A file of the folder."""

    path: Path
    role: str
    """small, brick: on tables; floor, chair, table: furniture; wall; plant, potted; animal,
    person, vehicle, building: outside; alone: only for pictures of a single thing."""
    metres: float
    """Its longest side; the files' own units differ."""
    category: str


@dataclass(frozen=True)
class Model:
    """A loaded asset: meshes in metres, standing on z = 0 around the z axis."""

    asset: Asset
    parts: list[bpy.types.Mesh]
    size: Vector
    """Lengths of its bounding box."""


def list_assets(folder: Path) -> list[Asset]:
    """What the manifest of a folder names and is not too large, in its order."""
    with ROLES.open() as file:
        known = {row["model"]: row for row in csv.DictReader(file, delimiter="\t")}
    assets = []
    with (folder / "MANIFEST.tsv").open() as file:
        for row in csv.DictReader(file, delimiter="\t"):
            path = folder / row["path"]
            if path.suffix != ".glb" or int(row["triangles"]) > MOST_TRIANGLES:
                continue
            role = known.get(path.stem, {"metres": "0.5", "role": "alone"})
            assets.append(Asset(path, role["role"], float(role["metres"]), row["category"]))
    return assets


class Library:
    """Models of a folder, each imported when it is first wanted."""

    def __init__(self, folder: Path, seed: str) -> None:
        self.assets = list_assets(folder)
        self.hdris = sorted((folder / "hdri").glob("*.exr"))
        self.textures = sorted((folder / "textures").rglob("*.jpg"))
        self._seed = seed
        self._models: dict[Path, Model] = {}
        self._colours: dict[str, tuple[float, ...]] = {}

    def pick(self, *roles: str) -> Asset:
        """A random asset of one of these roles."""
        return random.choice([asset for asset in self.assets if asset.role in roles])

    def model(self, asset: Asset) -> Model:
        """The model of an asset."""
        if asset.path not in self._models:
            self._models[asset.path] = self._load(asset)
        return self._models[asset.path]

    def paint(self) -> None:
        """Other colours, or again their own, for materials of one colour."""
        other, state = random.random() < REPAINTED, random.getstate()
        for name, own in self._colours.items():
            mixed = other and random.random() < 0.6
            socket = base_colour(bpy.data.materials[name])
            socket.default_value = random_color() if mixed else own
        random.setstate(state)  # what follows must not depend on what is loaded

    def _load(self, asset: Asset) -> Model:
        """Import a file, group its nodes to parts and keep only their meshes."""
        state, own = random.getstate(), random.Random(f"{self._seed} {asset.path.name}")
        before = set(bpy.context.scene.objects)
        with contextlib.redirect_stdout(io.StringIO()):
            bpy.ops.import_scene.gltf(filepath=str(asset.path))
        bpy.context.view_layer.update()
        made = [node for node in bpy.context.scene.objects if node not in before]
        nodes = [node for node in made if node.type == "MESH"]
        normalise(nodes, asset.metres)
        foliage = asset.role == "plant"
        parts = group_parts(nodes, own, whole_meshes=foliage)
        meshes = [part.data for part in parts]
        for mesh in meshes:
            mesh.use_fake_user = True
            if asset.role == "brick":
                mesh.shade_smooth()
                mesh.set_sharp_from_angle(angle=SHARP_ANGLE)
            for material in mesh.materials:
                if material and soften(material):
                    self._colours[material.name] = tuple(base_colour(material).default_value)
        corners = np.array([tuple(corner) for part in parts for corner in part.bound_box])
        for left in set(bpy.context.scene.objects) - before:
            bpy.data.objects.remove(left)
        random.setstate(state)
        return Model(asset, meshes, Vector(corners.max(0) - corners.min(0)))


def normalise(nodes: list[bpy.types.Object], metres: float) -> None:
    """Move all nodes' vertices to the world, scaled and standing in the middle."""
    corners = np.array(
        [tuple(node.matrix_world @ Vector(corner)) for node in nodes for corner in node.bound_box]
    )
    low, high = corners.min(0), corners.max(0)
    middle = Vector(((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]))
    fit = Matrix.Scale(metres / float((high - low).max()), 4) @ Matrix.Translation(-middle)
    for node in nodes:
        if node.data.users > 1:
            node.data = node.data.copy()
        placed = fit @ node.matrix_world
        node.parent = None
        node.data.transform(placed)
        if placed.determinant() < 0:
            node.data.flip_normals()
        node.matrix_world = Matrix()
    bpy.context.view_layer.update()


def soften(material: bpy.types.Material) -> bool:
    """Nothing that takes many samples: coats, glass; returns whether it has only one colour."""
    surface = material.node_tree and material.node_tree.nodes.get("Principled BSDF")
    if not surface:
        return False
    for name in ("Transmission Weight", "Coat Weight"):
        for link in list(surface.inputs[name].links):
            material.node_tree.links.remove(link)
        surface.inputs[name].default_value = 0.0
    if not surface.inputs["Alpha"].is_linked:
        surface.inputs["Alpha"].default_value = 1.0
    return not surface.inputs["Base Color"].is_linked


def base_colour(material: bpy.types.Material) -> bpy.types.NodeSocketColor:
    """Where a material's colour is set."""
    return material.node_tree.nodes["Principled BSDF"].inputs["Base Color"]
