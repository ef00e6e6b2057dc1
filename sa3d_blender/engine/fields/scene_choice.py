"""What checkpoint files leave out about their scene, and what is assumed instead."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.cameras import TYPICAL_NDC_ASPECT, TYPICAL_NDC_FOCAL
from ...core.errors import UserError
from ...core.settings import FieldOptions


@dataclass(frozen=True)
class SceneChoice:
    """The decisions, and why they were taken."""

    scene: str
    background: float
    """Grey level, 0 or 1."""
    ndc_focal: tuple[float, float] | None
    """Training focal length over half the image width and height; None for a bounded scene."""
    notes: tuple[str, ...]


def completed_choice(
    scene: str, notes: list[str], options: FieldOptions, *, family: str
) -> SceneChoice:
    """Background and NDC focal length for a kind of scene, from the options or by habit.

    Args:
        scene: ``bounded``, ``forward_facing`` or ``unbounded``.
        notes: how the scene was chosen.
        family: whose habit it is, for the notes.

    Raises:
        UserError: an NDC focal length or aspect that is not positive.
    """
    notes = list(notes)
    background: str = options.background
    if background == "auto":
        background = "white" if scene == "bounded" else "black"
        spoken = scene.replace("_", "-")
        notes.append(f"Background {background}: {family}'s choice for {spoken} scenes.")
    focal = None
    if scene == "forward_facing":
        focal, why_focal = _ndc_focal(options)
        notes.extend(why_focal)
    return SceneChoice(scene, 1.0 if background == "white" else 0.0, focal, tuple(notes))


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
