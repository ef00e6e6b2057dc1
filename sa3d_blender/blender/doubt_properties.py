"""How sure a run was of an object, and the views that disagree most; saved in the .blend."""

import bpy
from bpy.props import BoolProperty, CollectionProperty, FloatProperty, IntProperty, StringProperty


class SA3D_DoubtfulView(bpy.types.PropertyGroup):
    """A view whose mask disagrees with the others': a click helps most there."""

    view: IntProperty(name="View", description="Its number in the run's report", min=0)
    agreement: FloatProperty(
        name="Agreement",
        description="How far its mask agrees with what the other views know",
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    reason: StringProperty(name="Reason", description="Why it disagrees, in words")


class SA3D_Doubt(bpy.types.PropertyGroup):
    """What the last run of an object says about itself."""

    confidence: FloatProperty(
        name="Confidence",
        description="Share of the views that agree on the object",
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    )
    note: StringProperty(name="Note", description="What the run has to say where it is not sure")
    report: StringProperty(
        name="Report",
        description="The run's report; empty where no run said anything",
        subtype="FILE_PATH",
    )
    gone: BoolProperty(
        name="Gone", description="The run's pictures were looked for and are not there any more"
    )
    views: CollectionProperty(
        type=SA3D_DoubtfulView,
        name="Views",
        description="Where a click helps most, the worst first",
    )
