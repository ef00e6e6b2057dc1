"""What gpu_check.py looks at: a small checkpoint of every kind of field, and a click on it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from environment import ROOT

sys.path.insert(0, str(ROOT))

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands.camera_files import camera_file
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.training_cameras import TrainingCameras
from sa3d_blender.engine.view_path.training_views import read_cameras
from tests.support.fitted_fields import Ball, nerfacto_ball, ngp_ball, plenoxels_balls

DATA = ROOT / "tests" / "data"
CPU = torch.device("cpu")
SCENES = ("tabletop", "shelf")
CLICK = (111.5, 82.5)
"""On the tabletop's ape, in the first camera's 200x200 picture."""


@dataclass(frozen=True)
class Subject:
    """A checkpoint, and a click on something in a picture of it."""

    name: str
    checkpoint: Path
    options: FieldOptions
    camera: Camera
    click: tuple[float, float]


def subjects(folder: Path) -> dict[str, Callable[[], Subject]]:
    """A small checkpoint of every kind, by name: trained ones in tests/data, else a ball."""
    found: dict[str, Callable[[], Subject]] = {}
    tabletop, shelf = (read_cameras(DATA / s / "transforms_test.json", (200, 200)) for s in SCENES)
    for name, file, cameras, click in (
        ("tensorf", "tabletop/tabletop.th", tabletop, CLICK),
        ("tensorf CP", "tabletop/tabletop_cp_long.th", tabletop, CLICK),
        ("tensorf NDC", "shelf/shelf.th", shelf, (100.0, 100.0)),
        ("dvgo coarse", "tabletop/dvgo_coarse_last.tar", tabletop, CLICK),
        ("dvgo unbounded", "tabletop_contracted/contracted_last.tar", tabletop, CLICK),
        ("dvgo layers", "shelf_layers/layers_last.tar", shelf, (100.0, 100.0)),
        ("nerf", "tabletop_nerf/002250.tar", tabletop, CLICK),
        ("gaussian_splats", "tabletop_splat/point_cloud.ply", tabletop, CLICK),
    ):
        found[name] = partial(trained, name, DATA / file, cameras, click)
    ball = Ball(np.zeros(3), 0.4)
    (folder / "plenoxels").mkdir()
    made = {
        "instant_ngp": lambda: ngp_ball(folder / "ball.ingp", ball),
        "nerfacto": lambda: nerfacto_ball(folder / "nerfacto", ball),
        "plenoxels": lambda: plenoxels_balls(folder / "plenoxels" / "ckpt.npz", [ball]),
    }
    return found | {name: partial(made_up, name, make) for name, make in made.items()}


def trained(
    name: str, checkpoint: Path, cameras: TrainingCameras, click: tuple[float, float]
) -> Subject:
    """A checkpoint with its camera file."""
    options, placed = camera_file(Session(CPU), checkpoint, FieldOptions(), cameras)
    return Subject(name, checkpoint, options, placed.cameras[0], click)


def made_up(name: str, make: Callable[[], Path]) -> Subject:
    """A ball, seen in the middle of the picture."""
    checkpoint = make()
    return Subject(name, checkpoint, FieldOptions(), looking_at_it(checkpoint), (100.0, 100.0))


def looking_at_it(checkpoint: Path) -> Camera:
    """A camera from above, at the middle of the field's box."""
    box = np.array(Session(CPU).info(checkpoint, FieldOptions())["box"], dtype=np.float64)
    matrix = np.eye(4)
    above = min(2.0, 0.45 * float(np.ptp(box, axis=0)[2]))  # within the box, outside of the ball
    matrix[:3, 3] = box.mean(axis=0) + np.array([0.0, 0.0, above])
    return Camera(200, 200, 200.0, 200.0, 100.0, 100.0, matrix)
