"""Many small nodes made to a few parts, which are near each other or of one colour."""

from __future__ import annotations

import random

import bpy
import numpy as np
from scipy.cluster.hierarchy import fcluster, leaves_list, linkage

MOST_PARTS = 15
MOST_NODES = 30
"""Models of more nodes, such as bricks, are not taken apart further."""
MOST_ISLANDS = 40
"""A mesh of one piece and material falls into its loose pieces if there are no more."""
COLOUR_WEIGHTS = (0.0, 0.15, 0.6)
"""Distance between two materials over the size of the object: groups by place, or by colour."""


def group_parts(
    nodes: list[bpy.types.Object], own: random.Random, *, whole_meshes: bool
) -> list[bpy.types.Object]:
    """At most `MOST_PARTS` objects from a model's nodes; neighbours have neighbouring numbers.

    ``whole_meshes``: keep what is one node together, as the thousands of leaves of a tree.
    """
    pieces = nodes
    if not whole_meshes and len(nodes) <= MOST_NODES:
        pieces = [piece for node in nodes for piece in separated(node, "MATERIAL")]
        if len(pieces) == 1:
            islands = separated(pieces[0], "LOOSE")
            pieces = islands if len(islands) <= MOST_ISLANDS else [joined(islands)]
    if len(pieces) == 1:
        return pieces
    tree = linkage(features(pieces, own.choice(COLOUR_WEIGHTS)), "average")
    labels = fcluster(tree, own.randint(6, MOST_PARTS), "maxclust")
    order = list(dict.fromkeys(labels[leaves_list(tree)]))
    return [
        joined([piece for piece, label in zip(pieces, labels, strict=True) if label == group])
        for group in order
    ]


def features(pieces: list[bpy.types.Object], colour_weight: float) -> np.ndarray:
    """Middle, size and material of each piece, in units of the whole object's size."""
    boxes = np.array([np.array(piece.bound_box) for piece in pieces])
    low, high = boxes.min(1), boxes.max(1)
    extent = float((high.max(0) - low.min(0)).max()) or 1.0
    names = [next(iter(piece.data.materials), None) for piece in pieces]
    kinds = list(dict.fromkeys(names))
    colours = np.eye(len(kinds))[[kinds.index(name) for name in names]]
    return np.hstack(
        [(low + high) / 2 / extent, (high - low) / 2 / extent, colours * colour_weight]
    )


def separated(node: bpy.types.Object, by: str) -> list[bpy.types.Object]:
    """An object's pieces by MATERIAL or LOOSE."""
    if by == "MATERIAL" and len(node.data.materials) < 2:
        return [node]
    before = set(bpy.context.scene.objects)
    select([node])
    bpy.ops.object.mode_set(mode="EDIT")
    bpy.ops.mesh.select_all(action="SELECT")
    if by == "LOOSE":
        bpy.ops.mesh.remove_doubles(threshold=1e-6)
    bpy.ops.mesh.separate(type=by)
    bpy.ops.object.mode_set(mode="OBJECT")
    pieces = [node, *(made for made in bpy.context.scene.objects if made not in before)]
    return [piece for piece in pieces if len(piece.data.polygons)]


def joined(pieces: list[bpy.types.Object]) -> bpy.types.Object:
    """One object of several."""
    if len(pieces) > 1:
        select(pieces)
        bpy.ops.object.join()
    return pieces[0]


def select(objects: list[bpy.types.Object]) -> None:
    """Exactly these, the first one active."""
    bpy.ops.object.select_all(action="DESELECT")
    for each in objects:
        each.select_set(True)
    bpy.context.view_layer.objects.active = objects[0]
