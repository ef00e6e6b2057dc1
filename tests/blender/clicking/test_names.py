"""What belongs to an object is called after it, and follows when that is renamed."""

from __future__ import annotations

import bpy
from bl_ext.user_default.sa3d_blender.blender import api
from bl_ext.user_default.sa3d_blender.blender.names import follow_name


def test_prompts_and_cameras_have_short_names_first(nerf: bpy.types.Object) -> None:
    names = [
        api.add_prompt(nerf, x=10, y=10, object_name="Bulldozer").name,
        api.add_prompt(nerf, x=20, y=10).name,
        api.add_prompt(nerf, x=30, y=10, label="NEGATIVE").name,
        api.add_box(nerf, box=(10, 10, 50, 50)).name,
    ]
    assert names == ["+1 Bulldozer", "+2 Bulldozer", "-1 Bulldozer", "Box 1 Bulldozer"]
    assert bpy.context.scene.camera.name == f"Cam 1 {nerf.name}"
    assert api.add_camera(nerf).name == f"Cam 2 {nerf.name}"


def test_collections_have_colours(nerf: bpy.types.Object) -> None:
    api.add_prompt(nerf, x=10, y=10, object_name="mug")
    api.segment(nerf)
    facts = nerf.sa3d.nerf
    groups = (facts.root, facts.prompts, facts.cameras, facts.results)
    tags = [group.color_tag for group in groups]
    assert len(set(tags)) == 4
    assert "NONE" not in tags


def test_renaming_an_object_renames_its_mesh_and_prompts(nerf: bpy.types.Object) -> None:
    for name in ("mug", "box"):
        api.add_prompt(nerf, x=10, y=10, object_name=name)
        api.add_prompt(nerf, x=20, y=10, object_name=name)
    mug, box = api.segment(nerf)
    own = bpy.data.objects["+2 mug"]
    own.name = "Mine"
    entry = nerf.sa3d.nerf.objects["mug"]
    entry.name = "Tasse"
    follow_name(entry)  # what the name's field does in a window
    assert (mug.name, mug.data.name) == ("Tasse", "Tasse")
    assert "+1 Tasse" in bpy.data.objects
    assert own.name == "Mine", "what the artist named keeps its name"
    assert (box.name, "+1 box" in bpy.data.objects) == ("box", True)
    mug.name = "Heirloom"
    entry.name = "Cup"
    follow_name(entry)
    assert mug.name == "Heirloom"
