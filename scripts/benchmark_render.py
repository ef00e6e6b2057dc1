r"""Time this renderer against TensoRF's own on the same checkpoint and cameras, in one run.

    python scripts/benchmark_render.py CHECKPOINT --cameras transforms.json \
        --original TENSORF_CHECKOUT [--frames 0,1] [--size 200x200] [--threads 2] [--repeats 3]

The original runs in its own process, from a checkout that you provide; nothing of it is part of
this package. Prints seconds (wall and processor) per picture, their ratios and the PSNR between
the two float pictures. Loading and starting are not counted on either side.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.files.checkpoint_file import read_checkpoint
from sa3d_blender.engine.fields.rays import Rays, camera_rays
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.rendering.render import render_view

CPU = torch.device("cpu")
ORIGINAL_CHUNK = 4096
"""Rays per call, as in the original's evaluation."""


@dataclass(frozen=True)
class Timing:
    """The best of some repetitions, per picture."""

    wall: float
    processor: float


def main() -> None:
    """Parse the command line and run one side or both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--cameras", type=Path, required=True, help="transforms.json")
    parser.add_argument("--original", type=Path, required=True, help="checkout of TensoRF")
    parser.add_argument("--frames", default="0", help="numbers, separated by commas")
    parser.add_argument("--size", help="WIDTHxHEIGHT")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=3, help="of this renderer; best counts")
    parser.add_argument("--original-repeats", type=int, default=1)
    parser.add_argument("--child-out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.child_out is not None:
        run_original(arguments)
    else:
        compare(arguments)


def chosen_cameras(arguments: argparse.Namespace) -> list[Camera]:
    """The frames that were asked for."""
    size = None
    if arguments.size:
        width, height = (int(side) for side in arguments.size.split("x"))
        size = (width, height)
    cameras = read_transforms(arguments.cameras, size=size)
    return [cameras[int(frame)] for frame in arguments.frames.split(",")]


def timed(work: Callable[[], Any], repeats: int) -> tuple[Any, Timing]:
    """The result of some work and the shortest time it took."""
    walls, processors = [], []
    for _ in range(repeats):
        wall, processor = time.perf_counter(), time.process_time()
        result = work()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return result, Timing(min(walls), min(processors))


def compare(arguments: argparse.Namespace) -> None:
    """Render each frame with both and print what it took."""
    cameras = chosen_cameras(arguments)
    options = with_training_camera(FieldOptions(), cameras[0])
    field = load_field(arguments.checkpoint, options, device=CPU)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "original.npz"
        subprocess.run([sys.executable, *sys.argv, "--child-out", str(out)], check=True)
        original = np.load(out)
        images, walls, processors = (original[k] for k in ("images", "walls", "processors"))
    print(
        f"{arguments.checkpoint.name}, {arguments.threads} threads, load {os.getloadavg()[0]:.1f}"
    )
    ratios = []
    for i, camera in enumerate(cameras):
        image, ours = timed(lambda c=camera: render_view(field, c).image(), arguments.repeats)
        error = float(((image.numpy() - images[i]) ** 2).mean())
        ratios.append((walls[i] / ours.wall, processors[i] / ours.processor))
        print(
            f"frame {i}: original {walls[i]:.2f} s (cpu {processors[i]:.2f}), "
            f"ours {ours.wall:.3f} s (cpu {ours.processor:.3f}), "
            f"{ratios[-1][0]:.1f} x wall, {ratios[-1][1]:.1f} x cpu, "
            f"PSNR {-10 * np.log10(error):.1f} dB"
        )
    wall, processor = np.mean(ratios, axis=0)
    print(f"mean: {wall:.1f} x wall, {processor:.1f} x cpu")


def run_original(arguments: argparse.Namespace) -> None:
    """Render the frames with the original's model class and save pictures and times."""
    sys.path.insert(0, str(arguments.original))
    from models.tensoRF import TensorCP, TensorVMSplit  # type: ignore[import-not-found]

    data = read_checkpoint(arguments.checkpoint).data
    kind = TensorVMSplit if "density_plane.0" in data["state_dict"] else TensorCP
    model = kind(**{**data["kwargs"], "device": CPU})
    model.load(data)
    cameras = chosen_cameras(arguments)
    options = with_training_camera(FieldOptions(), cameras[0])
    ndc = load_field(arguments.checkpoint, options, device=CPU).scene == "forward_facing"
    images, walls, processors = [], [], []
    for camera in cameras:
        rays = camera_rays(camera, device=CPU)
        packed = ndc_rays(rays, options) if ndc else torch.cat([rays.origins, rays.directions], 1)
        image, taken = timed(
            lambda p=packed: original_image(model, p, ndc), arguments.original_repeats
        )
        images.append(image.view(camera.height, camera.width, 3).numpy())
        walls.append(taken.wall)
        processors.append(taken.processor)
    np.savez(arguments.child_out, images=np.array(images), walls=walls, processors=processors)


def original_image(model: Any, rays: torch.Tensor, ndc: bool) -> torch.Tensor:
    """One picture from the original, in the chunks its own evaluation uses."""
    with torch.no_grad():
        parts = [
            model(part, is_train=False, white_bg=not ndc, ndc_ray=ndc, N_samples=-1)[0]
            for part in rays.split(ORIGINAL_CHUNK)
        ]
    return torch.cat(parts).clamp(0, 1)


def ndc_rays(rays: Rays, options: FieldOptions) -> torch.Tensor:
    """Field-frame rays as the original wants them: mirrored in x, then in NDC, not normalised."""
    mirror = torch.tensor([-1.0, 1.0, 1.0])
    origins, directions = rays.origins * mirror, rays.directions * mirror
    origins = origins - ((1 + origins[:, 2:]) / directions[:, 2:]) * directions
    focal = (options.ndc_focal or 1.0) * torch.tensor([1.0, options.ndc_aspect or 1.0])
    start = origins[:, :2] / origins[:, 2:]
    slope = directions[:, :2] / directions[:, 2:]
    depth = 2 / origins[:, 2:]
    return torch.cat([-focal * start, 1 + depth, -focal * (slope - start), -depth], dim=1)


if __name__ == "__main__":
    main()
