"""What a nerf-pytorch file does not say about its scene and how it is sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....core.settings import FieldOptions
from ..scene_choice import completed_choice
from .settings import TrainingSettings

BLENDER_RANGE = (2.0, 6.0)
"""Near and far of the Blender scenes, whose cameras stand 4 away from the origin."""
SPHERE_RANGE = (0.1, 3.0)
"""A guess for captures all around, whose cameras stand about 1 away from the origin."""
FORWARD_RANGE = (1.2, 12.0)
"""A guess for forward captures without NDC: their nearest depth is scaled to 4/3, near is 0.9
of it."""
NDC_REGION = ((-1.5, -1.67, -1.0), (1.5, 1.67, 1.0))
"""The part of NDC that anything is looked for in: a frame wider than one training picture."""
REGION_REACH = 1.6
"""How far from the origin anything is looked for, over the half range of depth: the far corners
of the pictures see a little more than the ball between near and far."""
DEFAULT_SAMPLES = 64
DEFAULT_FINE_SAMPLES = 128
"""Of nerf-pytorch's configurations (its own default, 0, writes no fine network)."""
MAX_SAMPLES = 4096
MIN_DISTANCE, MAX_DISTANCE = 1e-4, 1e6

Corners = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True)
class NerfScene:
    """How rays are sampled, and why."""

    scene: str
    """``bounded`` or ``forward_facing``."""
    near_far: tuple[float, float]
    """Depth along the camera's axis of the first and last sample; 0 and 1 in NDC."""
    camera_distance: float | None
    """How far the training cameras stood from the origin; None where they stood at it."""
    samples: int
    """Samples per ray of the coarse pass."""
    fine_samples: int
    """Added by the fine pass; 0 for none."""
    linear_in_disparity: bool
    """Whether the coarse samples are even in 1/depth instead of depth."""
    background: float
    """Grey level, 0 or 1."""
    ndc_focal: tuple[float, float] | None
    """Training focal length over half the image width and height; None for a bounded scene."""
    notes: tuple[str, ...]

    @property
    def region(self) -> Corners:
        """Where anything is looked for, model space."""
        if self.scene == "forward_facing":
            return NDC_REGION
        near, far = self.near_far
        half = far
        if self.camera_distance is not None:
            half = REGION_REACH * max(far - self.camera_distance, self.camera_distance - near)
        return (-half, -half, -half), (half, half, half)


def choose_scene(settings: TrainingSettings, options: FieldOptions, *, has_fine: bool) -> NerfScene:
    """Follow the options, then the training's own text files; guess the rest and say so.

    Args:
        settings: of ``config.txt`` and ``args.txt``.
        options: what the user said.
        has_fine: whether the file holds a fine network.

    Raises:
        UserError: an NDC focal length or aspect that is not positive.
    """
    notes = []
    if not settings.values:
        notes.append(
            "There is no args.txt or config.txt of the training beside the file; put it there if "
            "the picture is wrong."
        )
    scene = _kind(settings, options, notes)
    near_far, distance = _range(scene, settings, notes)
    white = settings.flag("white_bkgd")
    if settings.values and options.background == "auto":
        options = replace(options, background="white" if white else "black")
    choice = completed_choice(scene, notes, options, family="NeRF")
    notes = list(choice.notes)
    samples, fine_samples = _counts(settings, has_fine, notes)
    return NerfScene(
        scene=scene,
        near_far=near_far,
        camera_distance=distance,
        samples=samples,
        fine_samples=fine_samples,
        linear_in_disparity=scene == "bounded" and bool(settings.flag("lindisp")),
        background=choice.background,
        ndc_focal=choice.ndc_focal,
        notes=tuple(notes),
    )


def _kind(settings: TrainingSettings, options: FieldOptions, notes: list[str]) -> str:
    if options.scene != "auto":
        return options.scene
    dataset = settings.values.get("dataset_type")
    if dataset is None:
        notes.append("Taken for a bounded scene like NeRF's Blender scenes; the file does not say.")
        return "bounded"
    if dataset == "llff" and not settings.flag("no_ndc"):
        return "forward_facing"
    return "bounded"


def _range(
    scene: str, settings: TrainingSettings, notes: list[str]
) -> tuple[tuple[float, float], float | None]:
    """Near and far, and the training cameras' distance from the origin."""
    if scene == "forward_facing":
        return (0.0, 1.0), None
    dataset = settings.values.get("dataset_type", "blender")
    distance: float | None
    if dataset != "llff":
        near, far = BLENDER_RANGE
        distance = (near + far) / 2
    elif settings.flag("spherify"):
        (near, far), distance = SPHERE_RANGE, 1.0
    else:
        (near, far), distance = FORWARD_RANGE, None
    said = [settings.number(name, low=MIN_DISTANCE, high=MAX_DISTANCE) for name in ("near", "far")]
    if said[0] is not None and said[1] is not None and said[0] < said[1]:
        near, far = said[0], said[1]
        distance = (near + far) / 2 if dataset != "llff" else distance
    elif dataset != "blender" or "dataset_type" not in settings.values:
        notes.append(
            f"Near and far are in no file; {near:g} and {far:g} were assumed. Lines 'near = ...' "
            "and 'far = ...' in the config.txt beside the file set them."
        )
    return (near, far), distance


def _counts(settings: TrainingSettings, has_fine: bool, notes: list[str]) -> tuple[int, int]:
    samples = settings.count("N_samples", low=4, high=MAX_SAMPLES)
    fine_samples = settings.count("N_importance", low=0, high=MAX_SAMPLES)
    if samples is None or (fine_samples is None and has_fine):
        notes.append(
            f"The number of samples is in no file; NeRF's usual {DEFAULT_SAMPLES} and "
            f"{DEFAULT_FINE_SAMPLES} were assumed where it is missing."
        )
    if fine_samples is None:
        fine_samples = DEFAULT_FINE_SAMPLES if has_fine else 0
    return samples or DEFAULT_SAMPLES, fine_samples
