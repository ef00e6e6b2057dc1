"""Random scenes of assets: one thing alone, a table, a room, outside, clutter."""

from __future__ import annotations

import random
from dataclasses import dataclass

import bpy
from asset_library import Asset, Library, Model
from mathutils import Euler, Matrix, Vector
from objects import box, random_parts
from render_scenes import finish
from stage import Item, Stage, footprint, placed, stretched
from stands import plate, pot, surface

ALL = ("small", "brick", "floor", "chair", "table", "wall", "plant", "potted", "animal", "person",
       "vehicle", "building", "alone")  # fmt: skip
GROWN = ("plant", "potted")


@dataclass(frozen=True)
class Setting:
    """A scene that is built, and how it may be looked at."""

    kind: str
    targets: list[Item]
    """What cameras look at."""
    elevations: tuple[float, float]
    """Least and most, in degrees."""
    azimuths: tuple[float, float] = (0.0, 360.0)
    """Least and most, in degrees; 270: from the front, along y."""
    cut_out: bool = False
    """Before a plain colour instead of the sky."""


def build(library: Library) -> Setting:
    """Any scene."""
    stage = Stage()
    library.paint()
    kinds = (alone, on_table, room, outside, clutter)
    return random.choices(kinds, (60, 17, 13, 6, 4))[0](library, stage)


def alone(library: Library, stage: Stage) -> Setting:
    """One thing, as the synthetic scenes of NeRF: on nothing, or on a plate of its own."""
    roles = random.choices(
        (("brick",), GROWN, ("chair", "floor", "table"), ("small",), ALL), (36, 22, 18, 12, 12)
    )[0]
    asset = library.pick(*roles)
    if asset.role == "plant" and random.random() < 0.5:
        main = potted(library, stage, Vector((0, 0, 0)), random.uniform(0.4, 1.2), asset)
        size = Vector(main.corners.max(0) - main.corners.min(0))
    else:
        model = library.model(asset)
        size = model.size
        chance = random.random()
        kinds = ("studs", "studs", "slab", "disc")[0 if asset.role == "brick" else 2 :]
        under = plate(size, library.textures, kinds) if chance < 0.45 else None
        own = under is not None and chance > 0.12
        main = stage.put(model, stretched(), () if own or under is None else (under,))
        if own and under is not None:
            stage.add([under], Matrix())
    cut_out = random.random() < 0.75
    if not cut_out and random.random() < 0.7:
        ground(library, stage, 30 * max(size), height=-0.1 * max(size))
    return Setting("alone", [main], (-5 if cut_out else 5, 65), cut_out=cut_out)


def on_table(library: Library, stage: Stage) -> Setting:
    """Bricks, dishes, tools, lamps and small plants on a table or a plain top."""
    reach = random.uniform(0.35, 0.7)
    if random.random() < 0.35:
        model = library.model(library.pick("table"))
        ground(library, stage, 12.0)
        stage.put(model, Matrix())
        reach = 0.38 * min(model.size.x, model.size.y)
    else:
        wide = Vector((2 * reach, 2 * reach, 0)) * random.uniform(1.0, 2.5)
        stage.support(plate(wide, library.textures, ("slab", "disc")))
    placed_items = []
    for _ in range(random.randint(2, 8)):
        small = random.random()
        if small < 0.15:
            at = stage.spot(0.12, (reach, reach), Vector())
            if at:
                at.z = stage.height(at, 0.08)
                placed_items.append(potted(library, stage, at, random.uniform(0.25, 0.6)))
            continue
        model = library.model(library.pick("brick" if small < 0.5 else "small"))
        item = drop(stage, model, (reach, reach), random.uniform(0.8, 1.3), above=True)
        placed_items += [item] if item else []
    if random.random() < 0.3:
        walls(library, stage, 3.0, random.uniform(0.6, 2.0), 2.5, sides=False)
        return Setting("table", placed_items or stage.items, (5, 50), (215, 325))
    return Setting("table", placed_items or stage.items, (8, 65))


def room(library: Library, stage: Stage) -> Setting:
    """Furniture along the walls and in the middle, things on it, plants, perhaps someone."""
    half, deep, high = random.uniform(1.6, 3.0), random.uniform(1.4, 2.5), random.uniform(2.3, 3)
    ground(library, stage, 14.0)
    walls(library, stage, half, deep, high, sides=random.random() < 0.7)
    for _ in range(random.randint(0, 2)):
        model = library.model(library.pick("wall"))
        at = Vector((random.uniform(-0.7, 0.7) * half, deep - model.size.y / 2 - 0.02, 0))
        if stage.take(at, footprint(model)):
            at.z = random.uniform(0.5, 1.0) if model.size.z < 1.8 else 0.0
            stage.put(model, placed(at, 0.0))
    furniture = furnish(library, stage, half, deep)
    tops = list(furniture)
    for _ in range(random.randint(0, 2)):
        at = stage.spot(0.35, (0.9 * half, 0.8 * deep), Vector())
        if at and not stage.full:
            furniture.append(potted(library, stage, at, random.uniform(0.5, 1.8)))
    for _ in range(random.randint(0, 2)):
        model = library.model(library.pick("person", "animal", "small", "brick"))
        scale = min(1.0, 1.7 / max(model.size)) * random.choice((1.0, 1.0, 0.5))
        furniture += filter(None, [drop(stage, model, (0.8 * half, 0.8 * deep), scale)])
    for item in random.sample(tops, min(len(tops), 3)):
        decorate(library, stage, item)
    return Setting("room", furniture or stage.items, (4, 40), (215, 325))


def furnish(library: Library, stage: Stage, half: float, deep: float) -> list[Item]:
    """Cupboards and the like along the back wall of a room, chairs and tables anywhere."""
    furniture = []
    for _ in range(random.randint(2, 5)):
        model = library.model(library.pick("floor", "table", "chair"))
        at = Vector((random.uniform(-0.8, 0.8) * half, deep - model.size.y / 2 - 0.1, 0))
        turn = random.gauss(0, 0.05)
        if model.asset.role != "floor" or random.random() < 0.3:
            at.y, turn = random.uniform(-0.8, 0.5) * deep, random.uniform(0, 6.3)
        if stage.take(at, footprint(model)):
            furniture.append(stage.put(model, placed(at, turn)))
    return furniture


def outside(library: Library, stage: Stage) -> Setting:
    """Vehicles, animals, people, trees and houses on wide ground under the sky."""
    ground(library, stage, 200.0)
    reach = random.uniform(2, 7)
    items = []
    if random.random() < 0.3:
        house = library.model(library.pick("building"))
        items.append(drop(stage, house, (0.1, 0.1), 1.0))
        reach = footprint(house) + random.uniform(1, 5)
    for _ in range(random.randint(2, 8)):
        model = library.model(library.pick("vehicle", "animal", "person", "plant"))
        scale = random.uniform(0.85, 1.15)
        items.append(drop(stage, model, (reach, reach), scale))
    return Setting("outside", [item for item in items if item], (3, 40))


def clutter(library: Library, stage: Stage) -> Setting:
    """All sorts of assets and primitives of about one size on a floor, some tumbled."""
    ground(library, stage, 40.0)
    reach = random.uniform(0.8, 1.6)
    items = []
    for _ in range(random.randint(5, 13)):
        size = random.uniform(0.3, 0.9)
        if random.random() < 0.3:
            at = stage.spot(0.5 * size, (reach, reach), Vector())
            if at:
                parts = random_parts(size)
                finish(parts, 0, scale=size * 0.4, one_material=random.random() < 0.6)
                bpy.context.view_layer.update()
                items.append(stage.add(parts, placed(at, random.uniform(0, 6.3))))
            continue
        model = library.model(library.pick(*ALL))
        items.append(drop(stage, model, (reach, reach), size / max(model.size)))
    return Setting("clutter", [item for item in items if item], (8, 65))


def drop(
    stage: Stage, model: Model, reach: tuple[float, float], scale: float, *, above: bool = False
) -> Item | None:
    """Put a model on a free place of a rectangle on the floor; rarely tumbled.

    ``above``: on what stands there, a table.
    """
    radius = footprint(model) * scale
    at = None if stage.full else stage.spot(radius, reach, Vector())
    if at is None:
        return None
    at.z = stage.height(at, radius) if above else 0.0
    place = placed(at, random.uniform(0, 6.3), scale) @ stretched(0.12)
    if model.asset.role in ("small", "brick") and random.random() < 0.12:
        side = Euler((random.choice((1.57, -1.57)), 0, 0)).to_matrix().to_4x4()
        lift = Matrix.Translation((0, 0, model.size.y / 2))
        place = place @ lift @ side @ Matrix.Translation((0, 0, -model.size.z / 2))
    return stage.put(model, place)


def decorate(library: Library, stage: Stage, under: Item) -> None:
    """Some small things on top of a piece of furniture, if it is flat and low enough."""
    low, high = Vector(under.corners.min(0)), Vector(under.corners.max(0))
    if high.z > 1.4 or min(high.x - low.x, high.y - low.y) < 0.25:
        return
    for _ in range(random.randint(1, 3)):
        model = library.model(library.pick("small", "brick"))
        radius = footprint(model)
        room_x, room_y = ((high - low) / 2 - Vector((radius, radius, 0))).to_2d()
        if stage.full or room_x <= 0 or room_y <= 0:
            continue
        at = under.middle + Vector((room_x, room_y, 0)) * random.uniform(-0.8, 0.8)
        bottom = stage.height(at, 1.4 * radius)
        centre = stage.height(at, 0.0)
        if bottom - centre < 0.02:
            stage.put(model, placed(Vector((at.x, at.y, bottom)), random.uniform(0, 6.3)))


def potted(
    library: Library, stage: Stage, at: Vector, height: float, asset: Asset | None = None
) -> Item:
    """A plant of some height in a pot, which is one object with it."""
    asset = asset or library.pick(*GROWN)
    model = library.model(asset)
    if asset.role == "potted":
        return stage.put(model, placed(at, random.uniform(0, 6.3), height / max(model.size)))
    low = height * random.uniform(0.2, 0.4)
    scale = (height - low) / max(model.size)
    holder = pot(low)
    for part in holder:
        part.matrix_basis = Matrix.Scale(1 / scale, 4) @ Matrix.Translation((0, 0, -0.87 * low))
    lift = at + Vector((0, 0, 0.87 * low))
    return stage.put(model, placed(lift, random.uniform(0, 6.3), scale), tuple(holder))


def ground(library: Library, stage: Stage, side: float, height: float = 0.0) -> None:
    """A floor whose top is at a height."""
    floor = box(Vector((side, side, 0.1)))
    floor.location.z = height - 0.1
    floor.data.materials.append(surface(library.textures, min(side / 10, 1.5)))
    stage.support(floor)


def walls(
    library: Library, stage: Stage, half: float, deep: float, high: float, *, sides: bool
) -> None:
    """A wall behind, and perhaps one on each side, of one surface or several."""
    coat = surface(library.textures, 1.5)
    places = [((2 * half, 0.1, high), (0, deep + 0.05))]
    if sides:
        long = 2 * deep + 1
        places += [((0.1, long, high), (x * (half + 0.05), deep - long / 2)) for x in (1, -1)]
    for i, (size, (x, y)) in enumerate(places):
        wall = box(Vector(size))
        wall.location = (x, y, -0.02)
        other = random.random() < 0.2
        wall.data.materials.append(surface(library.textures, 1.5) if other else coat)
        stage.support(wall, i + 1)
