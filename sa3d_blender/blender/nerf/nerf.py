"""The NeRF in the scene: an Empty that is the field's frame, its drawn box, its collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import bpy
import numpy as np
from mathutils import Matrix, Vector

from ...core.errors import UserError
from ...core.files import file_system_key
from ...core.segmenters import AUTOMATIC, segmenter_spec
from ...core.settings import FieldOptions, MeshSettings, SegmentSettings, settings_to_json
from ..installation.installation import downloaded_weights
from ..mesh_properties import MeshSize, SA3D_Rest, Surface
from ..properties import SA3D_Nerf, is_nerf
from ..setting_properties import setting_values

ROOT = "SA3D"
GROUPS = {
    "prompts": "Prompts",
    "cameras": "Views",
    "training": "Training Cameras",
    "results": "Results",
    "help": "Views to Correct",
}
"""Pointer in the NeRF's properties -> end of the collection's name."""
TAGS = {"prompts": 4, "cameras": 5, "training": 6, "results": 3, "help": 1}
"""The same pointers -> number of the collection's colour in the Outliner."""
ROOT_TAG = 8
SCENE_WORDS = {
    "bounded": "bounded scene",
    "unbounded": "unbounded scene",
    "forward_facing": "forward-facing",
}


def create_nerf(
    scene: bpy.types.Scene, checkpoint: str, info: dict[str, Any], options: FieldOptions
) -> bpy.types.Object:
    """Add the Empty of a NeRF to the scene; selects nothing.

    Args:
        checkpoint: absolute path.
        info: what the engine's ``info`` says about the checkpoint.
    """
    empty = bpy.data.objects.new(_free_name(str(info["name"])), None)
    empty.empty_display_type = "ARROWS"
    state = empty.sa3d
    state.kind = "NERF"
    nerf = state.nerf
    nerf.checkpoint = checkpoint
    for name, value in settings_to_json(options).items():
        setattr(nerf, name, value or 0.0)
    nerf.family, nerf.found_scene = info["family"], info["scene"]
    nerf.title = f"{info['title']} · {SCENE_WORDS.get(info['scene'], info['scene'])}"
    nerf.notes = "\n".join(info.get("notes", ()))
    nerf.root = _child(_child(scene.collection, ROOT), empty.name, new=True)
    nerf.root.color_tag = f"COLOR_{ROOT_TAG:02}"
    nerf.root.objects.link(empty)
    fit_box(empty, info["box"])
    scene.sa3d.nerf = empty
    return empty


def _free_name(name: str) -> str:
    """The name, with a number where another NeRF's folder would be the same on some disk."""
    taken = {
        file_system_key(bpy.path.clean_name(thing.name))
        for thing in bpy.data.objects
        if is_nerf(None, thing)
    }
    free, number = name, 1
    while file_system_key(bpy.path.clean_name(free)) in taken:
        number += 1
        free = f"{name} {number}"
    return free


def is_forward_facing(nerf: bpy.types.Object) -> bool:
    """Whether the NeRF was trained in normalised device coordinates: its frame has Y up."""
    return nerf.sa3d.nerf.found_scene == "forward_facing"


def read_old_facts(nerf: bpy.types.Object) -> None:
    """Take apart what older files have in one property: ``dvgo, forward facing``."""
    facts = nerf.sa3d.nerf
    family, both, scene = facts.family.partition(", ")
    if both:
        facts.family, facts.found_scene = family, scene.replace(" ", "_")


def is_splat(nerf: bpy.types.Object) -> bool:
    """Whether the NeRF is made of Gaussians, which can be kept one by one."""
    return nerf.sa3d.nerf.family.startswith("gaussian_splats")


def box_size(nerf: bpy.types.Object) -> np.ndarray:
    """Side lengths of the NeRF's box in its own frame."""
    facts = nerf.sa3d.nerf
    return np.array(facts.box_max) - np.array(facts.box_min)


def box_center(nerf: bpy.types.Object) -> np.ndarray:
    """Centre of the NeRF's box in its own frame."""
    facts = nerf.sa3d.nerf
    return (np.array(facts.box_max) + np.array(facts.box_min)) / 2


def fit_box(nerf: bpy.types.Object, box: Sequence[Sequence[float]]) -> None:
    """Remember and draw the NeRF's box: its smallest and largest corner, field frame."""
    facts = nerf.sa3d.nerf
    facts.box_min, facts.box_max = box
    nerf.empty_display_size = 0.1 * max(box_size(nerf))
    drawn = next((c for c in nerf.children if c.sa3d.kind == "BOX"), None) or _add_box(nerf)
    drawn.location = Vector(box_center(nerf))
    drawn.scale = Vector(box_size(nerf) / 2)


def _add_box(nerf: bpy.types.Object) -> bpy.types.Object:
    box = bpy.data.objects.new(f"{nerf.name} Box", None)
    box.empty_display_type = "CUBE"
    box.sa3d.kind = "BOX"
    box.parent = nerf
    box.lock_location = box.lock_rotation = box.lock_scale = (True, True, True)
    box.hide_select = True
    nerf.sa3d.nerf.root.objects.link(box)
    return box


def group(nerf: bpy.types.Object, pointer: str) -> bpy.types.Collection:
    """One of the NeRF's collections, see `GROUPS`; made when it is first needed."""
    facts = nerf.sa3d.nerf
    found = getattr(facts, pointer)
    if found is None:
        if facts.root is None:
            facts.root = _child(bpy.context.scene.collection, nerf.name, new=True)
        found = _child(facts.root, f"{nerf.name} {GROUPS[pointer]}", new=True)
        found.color_tag = f"COLOR_{TAGS[pointer]:02}"
        found.hide_render = pointer == "prompts"
        setattr(facts, pointer, found)
    return found


def _child(parent: bpy.types.Collection, name: str, *, new: bool = False) -> bpy.types.Collection:
    found = None if new else parent.children.get(name)
    if found is None:
        found = bpy.data.collections.new(name)
        parent.children.link(found)
    return found


def scene_nerf(scene: bpy.types.Scene) -> bpy.types.Object | None:
    """The NeRF that the panels work on: the chosen one, or the only one."""
    chosen = scene.sa3d.nerf
    if chosen is not None and chosen.name in scene.objects:
        return chosen
    nerfs = [thing for thing in scene.objects if is_nerf(None, thing)]
    return nerfs[0] if len(nerfs) == 1 else None


def require_nerf(scene: bpy.types.Scene) -> bpy.types.Object:
    """`scene_nerf`. Raises UserError when there is none."""
    found = scene_nerf(scene)
    if found is None:
        raise UserError("There is no NeRF in this scene; load a checkpoint first.", code="no_nerf")
    return found


def field_from_world(nerf: bpy.types.Object) -> np.ndarray:
    """4x4, including the Empty's scale.

    Raises:
        UserError: the Empty is flattened, mirrored or scaled unevenly, so that a camera would not
            be a pinhole camera in the field's frame.
    """
    world_from_field = np.array(nerf.matrix_world, dtype=np.float64)
    axes = world_from_field[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    even = lengths.min() > 1e-9 and np.allclose(
        axes.T @ axes, np.eye(3) * lengths[0] ** 2, atol=2e-3 * float(lengths.max()) ** 2
    )
    if not even or np.linalg.det(axes) < 0:
        raise UserError(
            f"{nerf.name!r} is scaled unevenly or mirrored; give its Empty one positive scale."
        )
    return np.linalg.inv(world_from_field)


def parent_to(nerf: bpy.types.Object, thing: bpy.types.Object) -> None:
    """Put a thing that is made in the field's frame under the NeRF's Empty."""
    thing.parent = nerf
    thing.matrix_parent_inverse = Matrix.Identity(4)
    thing.matrix_basis = Matrix.Identity(4)


def field_params(nerf: bpy.types.Object) -> dict[str, Any]:
    """``checkpoint`` and ``options``, as every request to the engine names them."""
    facts = nerf.sa3d.nerf
    return {
        "checkpoint": bpy.path.abspath(facts.checkpoint),
        "options": setting_values(FieldOptions, facts),
    }


def chosen_weights(facts: SA3D_Nerf) -> str | None:
    """The file of the segmenter's weights: the artist's, else the downloaded one.

    None for *Automatic*, which the engine resolves, and for one that comes with the add-on.

    Raises:
        UserError: the segmenter needs weights and there are none.
    """
    if facts.segmenter == AUTOMATIC or segmenter_spec(facts.segmenter).weights is None:
        return None
    if facts.weights:
        return bpy.path.abspath(facts.weights)
    downloaded = downloaded_weights().get(facts.segmenter)
    if downloaded is None:
        raise UserError(
            f"The weights of {segmenter_spec(facts.segmenter).label} are not here; download them "
            "under Segment, or choose their file there.",
            code="missing_weights",
        )
    return downloaded


def run_params(nerf: bpy.types.Object) -> dict[str, Any]:
    """``settings``, ``mesh`` and ``downloaded`` of a ``segment`` request."""
    facts = nerf.sa3d.nerf
    said = setting_values(SegmentSettings, facts) | {"weights": chosen_weights(facts)}
    there = downloaded_weights() if facts.segmenter == AUTOMATIC else {}
    params = {"settings": settings_to_json(SegmentSettings(**said)), "downloaded": there}
    return params | mesh_params(nerf, facts)


def mesh_params(nerf: bpy.types.Object, size: SA3D_Nerf | SA3D_Rest) -> dict[str, Any]:
    """``mesh`` of a request; ``size`` has the resolution and the face budget."""
    return {"mesh": mesh_settings(size, nerf.sa3d.nerf.surface)}


def mesh_settings(size: MeshSize | SA3D_Rest, surface: Surface) -> dict[str, Any]:
    """`MeshSettings` as a request names them."""
    said = setting_values(MeshSettings, size) | setting_values(MeshSettings, surface)
    return settings_to_json(MeshSettings(**said))
