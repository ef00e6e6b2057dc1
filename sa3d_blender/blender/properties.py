"""Everything that is saved in the .blend; the engine holds nothing else."""

import secrets
from typing import Any

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    EnumProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from ..core.settings import FieldOptions, SegmentSettings
from .choices import BOX, CENTER, LIT, LOOKS, NEGATIVE, ORIGINS, POSITIVE
from .doubt_properties import SA3D_Doubt, SA3D_DoubtfulView
from .mesh_properties import MeshSize, SA3D_OwnMesh, SA3D_Rest, SA3D_Surface
from .redraw import redraw_scenes
from .setting_properties import setting_properties

LABELS = [
    (POSITIVE, "Object", "The point lies on the object", "ADD", 1),
    (NEGATIVE, "Not Object", "The point lies on something else", "REMOVE", 0),
    (BOX, "Box", "The object lies inside this box", "SHADING_BBOX", 2),
]


def is_nerf(_owner: Any, thing: bpy.types.Object) -> bool:
    """Whether an object is a NeRF's Empty; also the filter of the pointer to it."""
    return thing.sa3d.kind == "NERF"


def is_camera(_owner: Any, thing: bpy.types.Object) -> bool:
    """Whether an object is a camera."""
    return thing.type == "CAMERA"


# Nobody picks or looks without a window, and bpy 4.2 crashes at exit after such a callback.
_ONLY_NERFS = {} if bpy.app.background else {"poll": is_nerf}
_REDRAWS = {} if bpy.app.background else {"update": lambda _self, _context: redraw_scenes()}
_ONLY_CAMERAS = {} if bpy.app.background else {"poll": is_camera}


def _follow_name(entry: Any, _context: bpy.types.Context) -> None:
    from .names import follow_name

    follow_name(entry)


_RENAMES = {} if bpy.app.background else {"update": _follow_name}


class SA3D_SegmentObject(bpy.types.PropertyGroup):
    """One thing to cut out."""

    name: StringProperty(
        name="Name", description="What the artist calls it; its mesh and prompts follow", **_RENAMES
    )
    key: StringProperty(description="Ties prompts to this entry, whatever its name", options=set())
    color: FloatVectorProperty(
        name="Color",
        description="Colour of its mask and prompts",
        size=3,
        subtype="COLOR_GAMMA",
        min=0.0,
        max=1.0,
        default=(0.1, 0.75, 1.0),
    )
    result: PointerProperty(
        type=bpy.types.Object, name="Result", description="The mesh that was cut out"
    )
    own_mesh: PointerProperty(
        type=SA3D_OwnMesh, description="How its mesh is made, where that differs from the others"
    )
    doubt: PointerProperty(type=SA3D_Doubt, description="How sure the last run is of it")
    made_from: StringProperty(
        description="What the result was made from, to tell whether it changed", options=set()
    )


class FieldReading:
    """How a NeRF's checkpoint is read; `FieldOptions` in Blender."""

    __annotations__ = setting_properties(FieldOptions())


class CuttingOut:
    """How objects are cut out; `SegmentSettings` in Blender."""

    __annotations__ = setting_properties(SegmentSettings())


class SA3D_Nerf(FieldReading, CuttingOut, MeshSize, bpy.types.PropertyGroup):
    """What a NeRF's Empty knows: its checkpoint, its facts, what to cut out and how."""

    checkpoint: StringProperty(
        name="Checkpoint", description="The NeRF's checkpoint file", subtype="FILE_PATH"
    )
    family: StringProperty(
        name="Family", description="Which kind of NeRF it is, as the engine names it"
    )
    found_scene: StringProperty(
        name="Scene Found", description="Which kind of scene it is, as the engine names it"
    )
    title: StringProperty(name="Kind", description="Which kind of NeRF and of scene it is")
    notes: StringProperty(name="Notes", description="What was guessed while reading the file")
    box_min: FloatVectorProperty(
        name="Box Minimum", description="Corner of the NeRF's box", size=3, subtype="XYZ"
    )
    box_max: FloatVectorProperty(
        name="Box Maximum", description="Corner of the NeRF's box", size=3, subtype="XYZ"
    )
    objects: CollectionProperty(
        type=SA3D_SegmentObject, name="Objects", description="What to cut out"
    )
    active_object: IntProperty(
        name="Active Object", description="The object that new prompts are for"
    )
    origin: EnumProperty(
        name="Origin",
        description="Where the origin of new meshes lies, about which they turn and scale",
        items=ORIGINS,
        default=CENTER,
    )
    look: EnumProperty(
        name="Look",
        description="What the materials of its meshes look like",
        items=LOOKS,
        default=LIT,
    )
    surface: PointerProperty(
        type=SA3D_Surface, description="How its meshes are made from what was cut out"
    )
    rest: PointerProperty(type=SA3D_Rest, description="The mesh of all but the objects")
    result: StringProperty(
        name="Result", description="Where the last run left its files", subtype="FILE_PATH"
    )
    training_file: StringProperty(
        name="Training Cameras",
        description="Camera file of the NeRF's photographs; views are chosen among its cameras",
        subtype="FILE_PATH",
    )
    training_notes: StringProperty(
        name="Training Camera Notes", description="What the training cameras leave out"
    )
    training_count: IntProperty(
        name="Training Camera Count", description="How many cameras the file has"
    )
    show_points: BoolProperty(
        name="Points",
        description="Show coloured points of the whole NeRF in the viewports, to find the way "
        "around. They are not objects: nothing of them is rendered or exported. A first mesh "
        "hides them",
        default=True,
        **_REDRAWS,
    )
    root: PointerProperty(type=bpy.types.Collection, description="The NeRF's collection")
    prompts: PointerProperty(type=bpy.types.Collection, description="Holds the prompts")
    cameras: PointerProperty(type=bpy.types.Collection, description="Holds the views' cameras")
    training: PointerProperty(type=bpy.types.Collection, description="Holds the training cameras")
    results: PointerProperty(type=bpy.types.Collection, description="Holds the results")
    help: PointerProperty(
        type=bpy.types.Collection, description="Holds cameras where a click helps the last run"
    )


class SA3D_Prompt(bpy.types.PropertyGroup):
    """What a prompt's empty knows."""

    label: EnumProperty(
        name="Label",
        description="Whether the point lies on the object",
        items=LABELS,
        default=POSITIVE,
    )
    candidate: IntProperty(
        name="Mask",
        description="Which of the segmenter's masks is meant: it often offers the whole and a "
        "part; the last prompt in a picture says it for all",
        min=0,
        max=2,
    )
    number: IntProperty(description="Counts up, so that the last one is known", options=set())
    object_key: StringProperty(description="The entry in the NeRF's objects", options=set())
    nerf: PointerProperty(
        type=bpy.types.Object, name="NeRF", description="The NeRF it belongs to", **_ONLY_NERFS
    )
    camera: PointerProperty(
        type=bpy.types.Object,
        name="Camera",
        description="The camera through which it was placed",
        **_ONLY_CAMERAS,
    )
    place: FloatVectorProperty(
        description="Where its camera stood in the NeRF's frame, as a matrix; zeros if unknown",
        size=16,
        options=set(),
    )


class SA3D_Object(bpy.types.PropertyGroup):
    """``Object.sa3d``."""

    kind: EnumProperty(
        name="Kind",
        description="What the object is to SA3D",
        items=[
            ("NONE", "None", "Nothing"),
            ("NERF", "NeRF", "A NeRF's frame"),
            ("BOX", "Box", "The box of a NeRF"),
            ("PROMPT", "Prompt", "A point that the artist set"),
            ("RESULT", "Result", "A mesh cut out of a NeRF"),
            ("TRAINING_CAMERA", "Training Camera", "Where a photograph was taken from"),
            ("HELP_CAMERA", "View to Correct", "Where a run looked and was not sure"),
            ("POINTS", "Points", "Points of a NeRF as a mesh"),
        ],
        default="NONE",
    )
    nerf: PointerProperty(type=SA3D_Nerf, description="What a NeRF's Empty knows")
    prompt: PointerProperty(type=SA3D_Prompt, description="What a prompt's empty knows")
    view: PointerProperty(
        type=bpy.types.Image, name="View", description="What the NeRF looks like in this camera"
    )
    given_name: StringProperty(
        description="The name that it was given here; another one is the artist's", options=set()
    )
    lost: StringProperty(
        name="Not Kept", description="What the last new mesh of this result could not keep"
    )
    seen: StringProperty(
        description="The run's camera that this one stands for, in the engine's numbers",
        options=set(),
    )


class SA3D_Scene(bpy.types.PropertyGroup):
    """``Scene.sa3d``."""

    nerf: PointerProperty(
        type=bpy.types.Object,
        name="NeRF",
        description="The NeRF that the panels work on",
        **_ONLY_NERFS,
    )


def new_key() -> str:
    """A key for an entry in a NeRF's objects."""
    return secrets.token_hex(8)


_CLASSES = (
    SA3D_Surface,
    SA3D_OwnMesh,
    SA3D_Rest,
    SA3D_DoubtfulView,
    SA3D_Doubt,
    SA3D_SegmentObject,
    SA3D_Nerf,
    SA3D_Prompt,
    SA3D_Object,
    SA3D_Scene,
)
_register, _unregister = bpy.utils.register_classes_factory(_CLASSES)


def register() -> None:
    """Register the groups and hang them on Object and Scene."""
    _register()
    bpy.types.Object.sa3d = PointerProperty(type=SA3D_Object)
    bpy.types.Scene.sa3d = PointerProperty(type=SA3D_Scene)


def unregister() -> None:
    """Take the groups back."""
    del bpy.types.Scene.sa3d
    del bpy.types.Object.sa3d
    _unregister()
