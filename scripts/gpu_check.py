"""Whether the engine on a GPU does what it does on the CPU, and how fast. No network.

    .venv/bin/python scripts/gpu_check.py [--device cuda] [--out gpu_check.json]

Prints a table and writes it as JSON: for each kind of field the largest differences of its picture,
masks, votes and mesh between the device and the CPU; then seconds and peak memory. ``--device cpu``
stands in for a GPU, to test the script.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from environment import ROOT

sys.path.insert(0, str(ROOT))

from sa3d_blender.core.cameras import Camera
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.commands.camera_files import camera_file
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.mask_grids.result import SegmentResult
from sa3d_blender.engine.training_cameras import TrainingCameras
from sa3d_blender.engine.view_path.training_views import read_cameras
from tests.support.fitted_fields import Ball, nerfacto_ball, ngp_ball, plenoxels_balls

DATA = ROOT / "tests" / "data"
CPU = torch.device("cpu")
SEGMENTER = ("bundled", None)
SCENES = ("tabletop", "shelf")
CLICK = (111.5, 82.5)
"""On the tabletop's ape, in the first camera's 200x200 picture."""
LIMITS = {"picture": 0.02, "masks": 0.01, "votes": 0.02, "mesh": 0.02}
"""Larger differences are marked: of a colour in [0, 1], shares of pixels and of nodes, and the
mesh's bounds in parts of its size."""
GOALS = {"one object": 5.0, "view of 800": 0.1}
"""Seconds on a GPU."""


@dataclass(frozen=True)
class Subject:
    """A checkpoint, and a click on something in a picture of it."""

    name: str
    checkpoint: Path
    options: FieldOptions
    camera: Camera
    click: tuple[float, float]


def main() -> int:
    """Check everything; the exit code is 1 when a difference is too large or a check failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--out", type=Path, default=Path("gpu_check.json"))
    parser.add_argument("--only", nargs="+", metavar="FIELD", help="some of the fields")
    parser.add_argument("--quick", action="store_true", help="differences only, no speeds")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        print("PyTorch sees no CUDA GPU here; --device cpu tests the script.", file=sys.stderr)
        return 2
    device = torch.device(options.device)
    with tempfile.TemporaryDirectory() as folder:
        made = subjects(Path(folder))
        chosen = {name: make for name, make in made.items() if name in (options.only or made)}
        fields = [
            guarded(lambda make=make: differences(make(), device), name)
            for name, make in chosen.items()
        ]
        speed = {} if options.quick else speeds(made["tensorf"](), device)
    report = {"device": name_of(device), "torch": torch.__version__, "fields": fields} | speed
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    return int(any("error" in row or too_large(row) for row in fields))


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


def guarded(check: Callable[[], dict[str, Any]], name: str) -> dict[str, Any]:
    """A check's row; what went wrong where it fails, so that the others are still made."""
    print(f"{name} ...", file=sys.stderr, flush=True)
    try:
        return {"field": name} | check()
    except Exception as error:
        return {"field": name, "error": f"{type(error).__name__}: {error}"}


def differences(subject: Subject, device: torch.device) -> dict[str, Any]:
    """How far the device is from the CPU, step by step."""
    one, other = (made_on(subject, where) for where in (CPU, device))
    return {
        "picture": float(np.abs(one["picture"] - other["picture"]).max()),
        "masks": share_that_differs(one["masks"], other["masks"]),
        "votes": share_that_differs(one["votes"] > 0, other["votes"] > 0),
        "mesh": bounds_apart(one["mesh"], other["mesh"]),
        "peak_bytes": other["peak_bytes"],
    }


def made_on(subject: Subject, device: torch.device) -> dict[str, Any]:
    """A small picture, the segmenter's masks, the votes and the mesh, as numpy arrays."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    session, where = Session(device), (subject.checkpoint, subject.options)
    small = subject.camera.resized(64, 64)
    picture = session.picture(*where, small).image.cpu().numpy()
    prompt = Prompt("it", (subject.click,), (1,))
    (answer,) = session.predict(*where, subject.camera, [prompt], SEGMENTER)
    settings = SegmentSettings(views=4, view_size=64, segmenter="bundled")
    with tempfile.TemporaryDirectory() as out:
        made = session.segment(
            *where, subject.camera, [prompt], settings, MeshSettings(resolution=32), Path(out)
        )
        (grid,) = SegmentResult.load(Path(made["result"]), device=CPU).objects
        mesh = MeshData.load(Path(made["objects"][0]["mesh"]))
    return {
        "picture": picture,
        "masks": answer.masks,
        "votes": grid.values.numpy(),
        "mesh": mesh.vertices,
        "peak_bytes": torch.cuda.max_memory_allocated() if device.type == "cuda" else None,
    }


def share_that_differs(one: np.ndarray, other: np.ndarray) -> float:
    """The share of places in which two arrays of yes and no differ; all where shapes do."""
    return 1.0 if one.shape != other.shape else float((one != other).mean())


def bounds_apart(one: np.ndarray, other: np.ndarray) -> float:
    """How far the bounds of two meshes' vertices [n 3] are apart, in parts of the first's size."""
    ends = [np.stack([points.min(axis=0), points.max(axis=0)]) for points in (one, other)]
    return float(np.abs(ends[0] - ends[1]).max() / np.ptp(ends[0], axis=0).max())


def too_large(row: dict[str, Any]) -> list[str]:
    """What of a row is beyond its limit; what is not a number is, too."""
    return [name for name, limit in LIMITS.items() if name in row and not row[name] <= limit]


def speeds(subject: Subject, device: torch.device) -> dict[str, Any]:
    """Seconds on the device, everything loaded and warm; and memory at its most."""
    session, where = Session(device), (subject.checkpoint, subject.options)
    prompt = Prompt("it", (subject.click,), (1,))
    session.picture(*where, subject.camera)
    seconds = {}
    for side in (256, 800, 1024):
        camera = subject.camera.resized(side, side)
        seconds[f"view of {side}"] = timed(lambda c=camera: session.picture(*where, c), device)
    ask = {"view_size": 256}
    begin = subject.camera.resized(256, 256)
    moved = Prompt("it", tuple((1.28 * x, 1.28 * y) for x, y in prompt.points), (1,))
    seconds["click to mask, new view"] = timed(
        lambda: session.predict(*where, begin, [moved], SEGMENTER, **ask), device
    )
    seconds["click to mask, same view"] = timed(
        lambda: session.predict(*where, begin, [moved], SEGMENTER, **ask), device
    )
    settings = SegmentSettings(views=24, segmenter="bundled")
    with tempfile.TemporaryDirectory() as out:
        seconds["one object"] = timed(
            lambda: session.segment(
                *where, subject.camera, [prompt], settings, MeshSettings(), Path(out)
            ),
            device,
        )
    session.unload()
    seconds["ViT-H's encoder"] = timed(vit_h(device), device)
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else None
    return {"seconds": seconds, "peak_bytes": peak}


def vit_h(device: torch.device) -> Callable[[], Any]:
    """One pass of Segment Anything's largest encoder, with random weights, ready to run."""
    from segment_anything import build_sam_vit_h

    encoder = build_sam_vit_h(None).image_encoder.eval().to(device)
    square = torch.zeros(1, 3, 1024, 1024, device=device)

    def once() -> Any:
        with torch.no_grad():
            return encoder(square)

    if device.type == "cuda":
        once()  # the first pass chooses its kernels
    return once


def timed(work: Callable[[], Any], device: torch.device) -> float:
    """Seconds until the device has done it."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    wait()
    begin = time.perf_counter()
    work()
    wait()
    return round(time.perf_counter() - begin, 4)


def name_of(device: torch.device) -> str:
    """The GPU's name; else the device's."""
    return torch.cuda.get_device_name() if device.type == "cuda" else str(device)


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [f"{report['device']}, torch {report['torch']}", ""]
    lines += ["| field | picture | masks | votes | mesh | peak MB |", "|---|---|---|---|---|---|"]
    for row in report["fields"]:
        if "error" in row:
            lines.append(f"| {row['field']} | {row['error']} | | | | |")
            continue
        bad = too_large(row)
        cells = [f"{row[n]:.2g}{' (!)' if n in bad else ''}" for n in LIMITS]
        peak = "" if row["peak_bytes"] is None else f"{row['peak_bytes'] / 1e6:.0f}"
        lines.append(f"| {row['field']} | {' | '.join(cells)} | {peak} |")
    if "seconds" in report:
        lines += ["", "| what | seconds | goal |", "|---|---|---|"]
        for name, value in report["seconds"].items():
            lines.append(f"| {name} | {value:.3f} | {GOALS.get(name, '')} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
