"""A small trainer of splats: from pictures and points on the surface to a scene's Gaussians.

    python -m tests.support.splat_training tests/data/tabletop/tabletop.th \
        tests/data/tabletop/transforms_train.json OUT_FOLDER

The pictures are those that another field shows at the training's cameras, and the points are where
their rays meet its surface. The renderer is the engine's own, through which the gradient goes. It
can be stopped and run again: it goes on where it was.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.gaussian_splats.footprints import footprints
from sa3d_blender.engine.fields.gaussian_splats.gaussians import Gaussians
from sa3d_blender.engine.fields.gaussian_splats.ply_file import BAND_ZERO, write_gaussians
from sa3d_blender.engine.fields.gaussian_splats.rasterizer import Pixels, blended
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.rendering.point_cloud import sample_surface
from sa3d_blender.engine.rendering.render import render_picture

CPU = torch.device("cpu")
RATES = {"means": 3e-4, "log_scales": 5e-3, "rotations": 2e-3, "opacity_logits": 3e-2}
FLAT_RATE, REST_RATE = 5e-3, 5e-4
"""Of the colours: of the part that does not depend on the direction, and of the other."""
LAST_RATE = 0.1
"""Rates at the end over those at the beginning."""
FAINT = 0.02
"""Opacity below which Gaussians are left out in the end."""
SAVED_EVERY = 50


def main() -> None:
    """Train, go on after an earlier run's last state, and write ``point_cloud.ply``."""
    options = arguments()
    options.out.mkdir(parents=True, exist_ok=True)
    cameras = read_transforms(options.cameras, size=(options.size, options.size))
    field = load_field(options.field, FieldOptions(), device=CPU)
    pictures = shown(field, cameras, options.out / f"pictures_{options.size}.npy")
    parameters = beginning(field, cameras, options.count, options.degree)
    background = float(field.background[0])
    train(parameters, cameras, pictures, background, options.steps, options.out / "state.pt")
    trained = as_gaussians(parameters)
    write_gaussians(trained[trained.opacities() > FAINT], options.out / "point_cloud.ply")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("field", type=Path)
    parser.add_argument("cameras", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=16_000)
    parser.add_argument("--degree", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--size", type=int, default=200)
    return parser.parse_args()


def shown(field: RadianceField, cameras: list[Camera], kept: Path) -> Tensor:
    """What the field shows, [n h w 3]; made once and kept."""
    if not kept.exists():
        images = []
        for number, camera in enumerate(cameras):
            images.append(render_picture(field, camera).image.numpy())
            say(f"picture {number + 1} of {len(cameras)}")
        np.save(kept, np.stack(images))
    return torch.from_numpy(np.load(kept))


def beginning(
    field: RadianceField, cameras: list[Camera], count: int, degree: int
) -> dict[str, Tensor]:
    """Balls on the surface, as far apart as they are large."""
    cloud = sample_surface(field, cameras, count=count, seconds=600)
    points = torch.from_numpy(cloud.points)
    apart = torch.from_numpy(cKDTree(cloud.points).query(cloud.points, 4)[0][:, 1:].mean(axis=1))
    colors = (torch.from_numpy(cloud.colors).float() / 255 - 0.5) / BAND_ZERO
    rotations = torch.zeros(len(points), 4)
    rotations[:, 0] = 1
    scale = (0.6 * apart.clamp(1e-3, 0.05)).log().float()
    return {
        "means": points,
        "log_scales": scale[:, None].repeat(1, 3),
        "rotations": rotations,
        "opacity_logits": torch.full((len(points),), 1.0),
        "flat": colors[:, None],
        "rest": torch.zeros(len(points), (degree + 1) ** 2 - 1, 3),
    }


def as_gaussians(parameters: dict[str, Tensor]) -> Gaussians:
    """What the engine renders and saves."""
    harmonics = torch.cat([parameters["flat"], parameters["rest"]], dim=1)
    others = (parameters[name] for name in RATES)
    return Gaussians(*others, harmonics)


def picture_of(gaussians: Gaussians, camera: Camera, background: float) -> Tensor:
    """With gradients: [h w 3]."""
    found = footprints(gaussians, camera, near=0.2, with_color=True)
    pairs = blended(found, Pixels(camera.width, 0, camera.width * camera.height))
    assert found.colors is not None
    values = torch.cat([found.colors, torch.ones_like(found.colors[:, :1])], dim=1)
    seen = pairs.weights[:, None] * values.index_select(0, pairs.footprint)
    empty = torch.zeros(camera.width * camera.height, 4)
    summed = empty.index_add(0, pairs.pixel, seen)
    image = summed[:, :3] + (1 - summed[:, 3:]) * background
    return image.view(camera.height, camera.width, 3)


def train(
    parameters: dict[str, Tensor],
    cameras: list[Camera],
    pictures: Tensor,
    background: float,
    steps: int,
    state: Path,
) -> None:
    """Adam on the mean absolute difference; ``parameters`` are changed in place."""
    rates = RATES | {"flat": FLAT_RATE, "rest": REST_RATE}
    groups = [
        {"params": [value.requires_grad_()], "lr": rates[name], "first": rates[name]}
        for name, value in parameters.items()
    ]
    adam = torch.optim.Adam(groups, eps=1e-15)
    begin = 0
    if state.exists():
        saved = torch.load(state, weights_only=True)
        begin = saved["step"]
        adam.load_state_dict(saved["adam"])
        with torch.no_grad():
            for name, value in parameters.items():
                value.copy_(saved["parameters"][name])
    generator = torch.Generator().manual_seed(begin)
    started, errors = time.perf_counter(), []
    for step in range(begin, steps):
        for group in adam.param_groups:
            group["lr"] = group["first"] * LAST_RATE ** (step / steps)
        k = int(torch.randint(len(cameras), (), generator=generator))
        image = picture_of(as_gaussians(parameters), cameras[k], background)
        loss = (image - pictures[k]).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        errors.append(float((image.detach() - pictures[k]).square().mean()))
        if (step + 1) % SAVED_EVERY == 0 or step + 1 == steps:
            psnr = -10 * math.log10(sum(errors) / len(errors))
            seconds = time.perf_counter() - started
            say(f"step {step + 1}: {psnr:.2f} dB, {seconds:.0f} s")
            errors.clear()
            now = {name: value.detach() for name, value in parameters.items()}
            saved = {"step": step + 1, "adam": adam.state_dict(), "parameters": now}
            torch.save(saved, state.with_suffix(".new"))
            state.with_suffix(".new").replace(state)


def say(text: str) -> None:
    """How far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
