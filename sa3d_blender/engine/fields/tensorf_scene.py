"""What a TensoRF file does not say about its scene: bounded or not, background, NDC focal."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...core.errors import UserError
from ...core.settings import FieldOptions
from .tensorf_checkpoint import TensorfParameters

LLFF_HALF_BOX = (1.5, 1.67, 1.0)
"""Half sizes of the box that TensoRF gives forward-facing scenes in NDC."""
TYPICAL_NDC_FOCAL = 1.62
"""Focal length over half the image width of the LLFF data set's phone pictures."""
TYPICAL_NDC_ASPECT = 4 / 3
"""Width over height of the LLFF data set's pictures."""


@dataclass(frozen=True)
class SceneChoice:
    """The decisions, and why they were taken."""

    scene: str
    background: float
    """Grey level, 0 or 1."""
    ndc_focal: tuple[float, float] | None
    """Training focal length over half the image width and height; None for a bounded scene."""
    notes: tuple[str, ...]


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
    background: str = options.background
    if background == "auto":
        background = "white" if scene == "bounded" else "black"
        notes.append(f"Background {background}: TensoRF's choice for {_spoken(scene)} scenes.")
    focal = None
    if scene == "forward_facing":
        focal, why_focal = _ndc_focal(options)
        notes.extend(why_focal)
    return SceneChoice(scene, 1.0 if background == "white" else 0.0, focal, tuple(notes))


def _spoken(scene: str) -> str:
    return scene.replace("_", "-")


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


def _ndc_focal(options: FieldOptions) -> tuple[tuple[float, float], list[str]]:
    focal, aspect = options.ndc_focal, options.ndc_aspect
    notes = []
    if focal is None:
        focal = TYPICAL_NDC_FOCAL
        notes.append(
            f"The training cameras' focal length is not in the file; {focal:g} half image widths, "
            "typical of phones, was assumed, so shapes may be stretched in depth."
        )
    if aspect is None:
        aspect = TYPICAL_NDC_ASPECT if options.ndc_focal is None else 1.0
        notes.append(
            f"The training pictures' aspect is not in the file; {aspect:.4g} to 1 was assumed."
        )
    if not (0 < focal < float("inf") and 0 < aspect < float("inf")):
        raise UserError("The NDC focal length and aspect must be positive numbers.")
    return (focal, focal * aspect), notes
