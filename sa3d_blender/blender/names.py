"""What things are called that belong to an entry of the list: after it, short words first."""

from __future__ import annotations

from typing import Any

import bpy

from .choices import BOX, NEGATIVE, POSITIVE

SPLAT_OF, SPLAT_KEY = "sa3d_splat", "sa3d_splat_key"
"""Custom properties of a splat: the name and the key of the entry that it belongs to."""
SIGNS = {POSITIVE: "+", NEGATIVE: "-", BOX: "Box "}


def name_prompt(empty: bpy.types.Object, entry: bpy.types.PropertyGroup) -> None:
    """Call a prompt after its entry: ``+1 Mug``, ``-2 Mug``, ``Box 1 Mug``."""
    label = empty.sa3d.prompt.label
    number = 1
    while bpy.data.objects.get(f"{SIGNS[label]}{number} {entry.name}") not in (None, empty):
        number += 1
    give_name(empty, f"{SIGNS[label]}{number} {entry.name}")


def give_name(thing: bpy.types.Object, name: str) -> None:
    """Name a thing, and note that the name is not the artist's."""
    thing.name = name
    thing.sa3d.given_name = thing.name


def has_given_name(thing: bpy.types.Object) -> bool:
    """Whether the artist left a thing its name."""
    return bool(thing.sa3d.given_name) and thing.name == thing.sa3d.given_name


def follow_name(entry: Any) -> None:
    """After an entry was renamed: what belongs to it, unless the artist named that himself."""
    collection = entry.id_data.sa3d.nerf.prompts
    for empty in collection.objects if collection is not None else ():
        if empty.sa3d.prompt.object_key == entry.key and has_given_name(empty):
            name_prompt(empty, entry)
    result = entry.result
    if result is not None and has_given_name(result):
        give_name(result, entry.name)
        if result.type == "MESH":
            result.data.name = result.name
    for splat in (child for child in entry.id_data.children if child.get(SPLAT_KEY) == entry.key):
        splat[SPLAT_OF] = entry.name
        if has_given_name(splat):
            give_name(splat, splat_name(entry.name))


def splat_name(name: str) -> str:
    """What the splat of an entry of that name is called."""
    return f"{name} Splat"
