"""Whether the engine on a GPU does what it does on the CPU, and how fast. No network.

    .venv/bin/python scripts/gpu_check.py [--device cuda] [--out gpu_check.json]

Prints a table and writes it as JSON: for each kind of field the largest differences of its picture,
masks, votes and mesh between the device and the CPU; how gsplat's pictures of splats agree with
ours, where it is installed; then seconds and peak memory. ``--device cpu`` stands in for a GPU, to
test the script.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from environment import ROOT
from gpu_subjects import Subject, subjects

sys.path.insert(0, str(ROOT))

from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import MeshSettings, SegmentSettings
from sa3d_blender.engine.commands.session import Session
from sa3d_blender.engine.fields.gaussian_splats import gsplat_pictures
from sa3d_blender.engine.mask_grids.result import SegmentResult
from sa3d_blender.engine.rendering.render import render_picture

CPU = torch.device("cpu")
SEGMENTER = ("bundled", None)
LIMITS = {"picture": 0.02, "masks": 0.01, "votes": 0.02, "mesh": 0.02}
"""Larger differences are marked: of a colour in [0, 1], shares of pixels and of nodes, and the
mesh's bounds in parts of its size."""
MOST_APART = 0.005
"""The mean of gsplat's colours from ours."""
GOALS = {"one object": 5.0, "view of 800": 0.1}
"""Seconds on a GPU."""


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
        with without_gsplat():
            fields = [
                guarded(lambda make=make: differences(make(), device), name)
                for name, make in chosen.items()
            ]
        splats = guarded(lambda: gsplat_agreement(made["gaussian_splats"], device), "gsplat")
        speed = {} if options.quick else speeds(made["tensorf"](), device)
    about = {"device": name_of(device), "torch": torch.__version__}
    report = about | {"fields": fields, "gsplat": splats} | speed
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(table(report))
    return int(any("error" in row or too_large(row) for row in (*fields, splats)))


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


@contextmanager
def without_gsplat() -> Iterator[None]:
    """Pictures of splats are made by our own rasteriser meanwhile."""
    kernels = gsplat_pictures.kernels
    gsplat_pictures.kernels = lambda _device: None
    try:
        yield
    finally:
        gsplat_pictures.kernels = kernels


def gsplat_agreement(make: Callable[[], Subject], device: torch.device) -> dict[str, Any]:
    """How far gsplat's picture of a splat is from ours on the device, and the seconds of both."""
    if gsplat_pictures.kernels(device) is None:
        return {"skipped": f"gsplat is not installed for {device.type}, so ours is not compared."}
    subject = make()
    camera = subject.camera.resized(800, 800)
    session = Session(device)
    field = session.field(subject.checkpoint, subject.options)
    drawn = field.whole_picture(camera)  # its kernels may be compiled here
    if drawn is None:
        return {"error": "it was not used; the log above says why"}
    quick = timed(lambda: field.whole_picture(camera), device)
    with without_gsplat():
        ours = render_picture(field, camera)
        own = timed(lambda: render_picture(field, camera), device)
    apart = (drawn[0] - ours.image).abs()
    return {
        "mean": float(apart.mean()),
        "psnr": float(-10 * torch.log10(apart.square().mean())),
        "seconds": {"gsplat": quick, "ours": own},
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
    limits = LIMITS | {"mean": MOST_APART}
    return [name for name, limit in limits.items() if name in row and not row[name] <= limit]


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
    lines += ["", gsplat_sentence(report["gsplat"])]
    if "seconds" in report:
        lines += ["", "| what | seconds | goal |", "|---|---|---|"]
        for name, value in report["seconds"].items():
            lines.append(f"| {name} | {value:.3f} | {GOALS.get(name, '')} |")
    return "\n".join(lines)


def gsplat_sentence(row: dict[str, Any]) -> str:
    """What was found of gsplat."""
    if "psnr" not in row:
        return str(row.get("skipped") or f"gsplat failed: {row['error']}")
    bad = " (!)" if too_large(row) else ""
    return (
        f"gsplat's picture of the splat is at {row['psnr']:.1f} dB from ours{bad}; a view of 800 "
        f"takes it {row['seconds']['gsplat']:.4f} s, and ours {row['seconds']['ours']:.4f} s."
    )


if __name__ == "__main__":
    sys.exit(main())
