"""What a Plenoxels file does not say about its scene; part of it is in ``args.json`` beside it."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ....core.git_lfs import refuse_lfs_pointer
from ....core.settings import FieldOptions
from ..scene_choice import SceneChoice, completed_choice
from .checkpoint import PlenoxelsModel

ARGS = "args.json"
"""The training's command line, which svox2 writes beside its checkpoint."""
MAX_BYTES = 65_536
STEP = 0.5
"""Voxels per step; svox2's default."""
SYNTHETIC_SCALE = 2 / 3
"""What svox2 multiplies the positions of a transforms.json with, unless it is told otherwise."""
BRIGHTNESS = {"bounded": 1.0, "forward_facing": 0.5}
"""Behind everything, in svox2's settings for each kind of scene."""


@dataclass(frozen=True)
class PlenoxelsScene:
    """How rays are sampled, and the guesses made about it."""

    choice: SceneChoice
    step: float
    """Distance of samples in voxels."""
    near: float
    """Where samples start, field units."""
    field_from_dataset: np.ndarray | None
    """4x4 similarity from a transforms.json's coordinates; None where it is not known."""


class TrainingArguments:
    """The numbers and texts of an ``args.json``; none where it is missing or makes no sense.

    Args:
        folder: where the checkpoint is.
    """

    def __init__(self, folder: Path) -> None:
        self._values: dict[str, Any] = {}
        refuse_lfs_pointer(folder / ARGS)
        with suppress(OSError, ValueError, RecursionError), (folder / ARGS).open("rb") as file:
            found = json.loads(file.read(MAX_BYTES))
            self._values = found if isinstance(found, dict) else {}

    def __bool__(self) -> bool:
        return bool(self._values)

    def number(self, name: str, usual: float, *, low: float, high: float) -> float:
        """A number in [low, high]; the usual one if none is said."""
        value = self._values.get(name)
        fits = isinstance(value, int | float) and math.isfinite(value) and low <= value <= high
        return float(value) if fits and value is not None else usual

    def text(self, name: str) -> str:
        """A text; empty if none is said."""
        value = self._values.get(name)
        return value if isinstance(value, str) else ""


def arguments_file(checkpoint: Path) -> tuple[Path, ...]:
    """Where the arguments of a checkpoint's training may be."""
    return (checkpoint.parent / ARGS,)


def choose_scene(
    model: PlenoxelsModel, arguments: TrainingArguments, options: FieldOptions
) -> PlenoxelsScene:
    """Follow the options, then ``args.json``; guess the rest and say so.

    Raises:
        UserError: an NDC focal length or aspect that is not positive.
    """
    notes = []
    if not arguments:
        notes.append(f"There is no {ARGS} of the training beside the file; svox2's usual settings.")
    scene: str = options.scene
    if scene == "auto":
        scene, why = _guess_scene(model)
        notes.append(why)
    if model.background_layers:
        notes.append(
            f"The {model.background_layers} spheres of the far background are not drawn; an even "
            "grey is seen there."
        )
    brightness = arguments.number(
        "background_brightness",
        0.5 if model.background_layers else BRIGHTNESS[scene],
        low=0.0,
        high=1.0,
    )
    auto = options.background == "auto"
    chosen = replace(options, background="white") if auto else options
    choice = completed_choice(scene, notes, chosen, family="Plenoxels")
    return PlenoxelsScene(
        choice=replace(choice, background=brightness) if auto else choice,
        step=arguments.number("step_size", STEP, low=0.01, high=16.0),
        near=arguments.number("near_clip", 0.0, low=0.0, high=1e3),
        field_from_dataset=_placement(scene, model, arguments),
    )


def _guess_scene(model: PlenoxelsModel) -> tuple[str, str]:
    """svox2 gives forward-facing scenes a box that is 1 deep and wider than that."""
    (low_x, low_y, low_z), (high_x, high_y, high_z) = model.box.tolist()
    centred = max(abs(low_x + high_x), abs(low_y + high_y), abs(low_z + high_z)) < 1e-4
    if centred and abs(high_z - 1) < 1e-4 and min(high_x, high_y) > 1 + 1e-4:
        return "forward_facing", (
            "Taken for a forward-facing scene because its box is one of normalised device "
            "coordinates: as deep as these and wider."
        )
    return "bounded", "Taken for a bounded scene because its box is not wider than deep."


def _placement(
    scene: str, model: PlenoxelsModel, arguments: TrainingArguments
) -> np.ndarray | None:
    """Where svox2 puts a transforms.json's cameras: only nearer to the origin.

    Its other data sets, which alone have a far background, are moved by rules of their own.
    """
    kind = arguments.text("dataset_type") or "auto"
    if scene != "bounded" or model.background_layers or kind not in ("auto", "nerf"):
        return None
    scale = arguments.number("scene_scale", SYNTHETIC_SCALE, low=1e-6, high=1e6)
    return np.diag([scale, scale, scale, 1.0])
