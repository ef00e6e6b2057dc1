"""What a DirectVoxGO file does not say about its scene: background, NDC or not, focal length."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from ....core.settings import FieldOptions
from ..scene_choice import SceneChoice, completed_choice
from .checkpoint import BOUNDED, CONTRACTED, LAYERED, DvgoModel

NDC_DEPTHS = (0.99, 1.06)
"""Half depths of a box in NDC: 1, or up to 5 % more, by which models enlarge their box."""
LARGEST_NDC_SIDE = 3.0


def choose_scene(model: DvgoModel, options: FieldOptions, known: Sequence[str]) -> SceneChoice:
    """Follow the model's class, then the options; guess the rest and say so.

    Args:
        model: the file's content.
        options: what the user said.
        known: notes on what was told already.

    Raises:
        UserError: an NDC focal length or aspect that is not positive.
    """
    notes = list(known)
    if model.kind == BOUNDED:
        scene: str = options.scene
        if scene == "auto":
            scene, why = _guess_scene(model.box)
            notes.append(why)
    else:
        scene = {LAYERED: "forward_facing", CONTRACTED: "unbounded"}[model.kind]
        notes.append(f"The model is a {model.kind}, which is for {scene.replace('_', '-')} scenes.")
    if model.masks:
        notes.append("The file also holds masks of SA3D; sa3d import-masks makes a result of them.")
    return completed_choice(scene, notes, options, family="DirectVoxGO")


def _guess_scene(box: Float[Tensor, "2 3"]) -> tuple[str, str]:
    """SA3D trains the bounded model on forward-facing scenes; only its box tells them apart."""
    (low_x, low_y, low_z), (high_x, high_y, high_z) = box.tolist()
    symmetric = abs(low_z + high_z) < 1e-3 and NDC_DEPTHS[0] <= high_z <= NDC_DEPTHS[1]
    if symmetric and max(-low_x, -low_y, high_x, high_y) <= LARGEST_NDC_SIDE:
        return "forward_facing", (
            "Taken for a forward-facing scene because its box has the depth of normalised device "
            "coordinates."
        )
    return "bounded", "Taken for a bounded scene because its box is not one of NDC."
