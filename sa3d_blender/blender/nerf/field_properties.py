"""What a checkpoint may leave open, as the artist can set it."""

from bpy.props import EnumProperty, FloatProperty

from ...core.settings import FieldOptions

SCENES = [
    ("auto", "Automatic", "Guess from the checkpoint"),
    ("bounded", "Bounded", "Cameras around the object, plain coordinates"),
    ("forward_facing", "Forward-Facing", "Cameras on one side, normalised coordinates"),
]
BACKGROUNDS = [
    ("auto", "Automatic", "As the NeRF was trained"),
    ("white", "White", "White"),
    ("black", "Black", "Black"),
]


class FieldReading:
    """How a NeRF's checkpoint is read; `FieldOptions` in Blender."""

    scene: EnumProperty(
        name="Scene",
        description="How the NeRF was trained, where its file does not say",
        items=SCENES,
        default=FieldOptions().scene,
    )
    background: EnumProperty(
        name="Background",
        description="The colour behind the NeRF",
        items=BACKGROUNDS,
        default=FieldOptions().background,
    )
    ndc_focal: FloatProperty(
        name="Training Focal Length",
        description="Forward-facing scenes: focal length over half the image width in training; "
        "0 guesses",
        default=0.0,
        min=0.0,
        soft_max=10.0,
    )
    ndc_aspect: FloatProperty(
        name="Training Aspect",
        description="Forward-facing scenes: width over height of the training images; 0 guesses",
        default=0.0,
        min=0.0,
        soft_max=4.0,
    )
    voxels_per_step: FloatProperty(
        name="Voxels per Step",
        description="DirectVoxGO: how far apart samples lie, as in the training's settings "
        "(stepsize); 0 reads config.py beside the checkpoint, else takes 0.5",
        default=0.0,
        min=0.0,
        max=16.0,
        soft_max=2.0,
    )
