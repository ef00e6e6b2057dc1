"""What a TensoRF file does not say about its scene: bounded or not, background, NDC focal."""

from __future__ import annotations

import torch

from ....core.settings import FieldOptions
from ..scene_choice import SceneChoice, completed_choice
from .checkpoint import TensorfParameters

LLFF_HALF_BOX = (1.5, 1.67, 1.0)
"""Half sizes of the box that TensoRF gives forward-facing scenes in NDC."""


def choose_scene(parameters: TensorfParameters, options: FieldOptions) -> SceneChoice:
    """Follow the options; where they leave it open, guess from the file and say so.

    Raises:
        UserError: an NDC focal length or aspect that is not positive.
    """
    notes = []
    scene: str = options.scene
    if scene == "auto":
        scene, why = _guess_scene(parameters)
        notes.append(why)
    return completed_choice(scene, notes, options, family="TensoRF")


def _guess_scene(parameters: TensorfParameters) -> tuple[str, str]:
    limit = torch.tensor(LLFF_HALF_BOX) + 1e-3
    inside = bool((parameters.box.abs() <= limit).all())
    if parameters.near_far == (0.0, 1.0) and inside:
        return "forward_facing", (
            "Taken for a forward-facing scene because its near and far are 0 and 1 and its box "
            "fits TensoRF's box for such scenes."
        )
    near, far = parameters.near_far
    return "bounded", (
        f"Taken for a bounded scene because its near and far are {near:g} and {far:g}, "
        "not 0 and 1 with a box in normalised device coordinates."
    )
