"""Measure every kind of radiance field on the bundled scenes; writes ``docs/figures.md``'s table.

    python scripts/field_table.py [--folder DIR ...] [--only NAME] [--views N] [--print-only]

Checkpoints are looked for in tests/data, then anywhere under the folders given. What is not found
keeps its row. Renders are compared with float pictures that the authors' own code made; objects
are cut out all in one pass, from one click each (see evaluate_scene.py).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from evaluate_scene import DATA, OBJECTS, against, chosen_segmenter, click, cut

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.files import written_whole
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.commands.picture_jobs import as_trained
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.meshing.surface import extract_mesh
from sa3d_blender.engine.rendering.render import render_view
from tests.support.ground_truth import iou, load_scene

DOCUMENT = ROOT / "docs" / "figures.md"
BEGIN, END = "<!-- field table: begin -->", "<!-- field table: end -->"
HEAD = (
    "| field | scene | PSNR to the original | CPU s per view: ours, original | IoU, exact masks "
    "| IoU, bundled segmenter | its meshes: P, R |"
)
WANTED = {"perfect": 0.93, "bundled": 0.88}
"""Mean IoU that a fully trained field must reach."""
CPU = torch.device("cpu")
MOST_PICTURES = 2
"""Most of the original's pictures that are compared."""


@dataclass(frozen=True)
class Subject:
    """A checkpoint that belongs to one of the bundled scenes."""

    title: str
    scene: str
    file: str
    """Name of the checkpoint, searched for in the folders."""
    reference: str
    """Cameras and the original code's float pictures: a file in tests/data, or a folder beside the
    checkpoint with ``cameras.json`` and ``test_K.npy``."""
    original_seconds: float | None
    """Processor seconds that the original code took for one of those 200x200 pictures, on two
    shared cores, when it made them."""
    brief: bool = False
    """Trained too briefly for the figures that are wanted."""


SUBJECTS = (
    Subject("TensoRF VM", "tabletop", "tabletop.th", "tabletop/tabletop_reference.npz", 4.5),
    Subject(
        "TensoRF CP, SH",
        "tabletop",
        "tabletop_cp_sh.th",
        "tabletop/tabletop_cp_sh_reference.npz",
        8.6,
        brief=True,
    ),
    Subject(
        "TensoRF CP, SH, 8000 steps",
        "tabletop",
        "tabletop_cp_long.th",
        "tabletop/tabletop_cp_long_reference.npz",
        10.5,
    ),
    Subject("DirectVoxGO", "tabletop", "fine_last.tar", "tabletop/dvgo_fine_reference.npz", 1.6),
    Subject(
        "DirectVoxGO, unbounded",
        "tabletop",
        "contracted_last.tar",
        "tabletop_contracted/reference.npz",
        4.0,
    ),
    Subject("DirectVoxGO, layers", "shelf", "layers_last.tar", "shelf_layers/reference.npz", 2.5),
    Subject("NeRF", "tabletop", "002250.tar", "tabletop_nerf/reference.npz", 49.1, brief=True),
    Subject("nerfacto", "tabletop", "config.yml", "upstream_renders", 41.2, brief=True),
    Subject(
        "3D Gaussian splats", "tabletop", "point_cloud.ply", "tabletop_splat/reference.npz", None
    ),
    Subject("TensoRF VM, NDC", "shelf", "shelf.th", "shelf/shelf_reference.npz", 25.0),
)


@dataclass(frozen=True)
class Cutting:
    """How well a scene's objects came out with one segmenter; means over the objects.

    Meshes are made with the bundled segmenter only.
    """

    iou: float
    worst: float
    precision: float
    recall: float


def main() -> None:
    """Measure what is found, print each row, and write the table."""
    options = arguments()
    settings = replace(SegmentSettings(), views=options.views, view_size=options.view_size)
    rows: dict[str, str] = {}
    for subject in SUBJECTS:
        if options.only not in (None, subject.title):
            continue
        path = find(subject.file, [DATA, *options.folder])
        if path is None:
            print(f"{subject.title}: {subject.file} was not found; its row stays", file=sys.stderr)
            continue
        chosen = None if options.renders_only else settings
        rows[subject.title] = measured_row(subject, path, chosen)
        print(rows[subject.title], flush=True)
        if not options.print_only:
            write_table(rows)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, action="append", default=[], help="more checkpoints")
    parser.add_argument("--only", choices=[subject.title for subject in SUBJECTS])
    parser.add_argument("--views", type=int, default=SegmentSettings.views)
    parser.add_argument("--view-size", type=int, default=SegmentSettings.view_size)
    parser.add_argument("--renders-only", action="store_true", help="cut nothing out: quick")
    parser.add_argument("--print-only", action="store_true", help="leave docs/figures.md as it is")
    return parser.parse_args()


def find(name: str, folders: Sequence[Path]) -> Path | None:
    """The first file of that name."""
    return next((path for folder in folders for path in sorted(folder.rglob(name))), None)


def measured_row(subject: Subject, path: Path, settings: SegmentSettings | None) -> str:
    """One line of the table; without settings nothing is cut out."""
    cameras = scene_cameras(subject.scene)
    options = with_training_camera(FieldOptions(), cameras[0])
    field = load_field(path, options, device=CPU)
    psnr, seconds = compared(field, pictures(subject, path))
    cuts = ["not run"] * 3 if settings is None else cut_cells(field, subject, settings)
    original = "-" if subject.original_seconds is None else f"{subject.original_seconds:.1f}"
    cells = [
        subject.title + (" (trained briefly)" if subject.brief else ""),
        f"{subject.scene}, {field.scene.replace('_', '-')}",
        f"{psnr:.1f} dB",
        f"{seconds:.2f}, {original}",
        *cuts,
    ]
    return f"| {' | '.join(cells)} |"


def cut_cells(field: RadianceField, subject: Subject, settings: SegmentSettings) -> list[str]:
    """IoU with exact masks, with the bundled segmenter, and its meshes' precision and recall."""
    exact, bundled = (cutting(field, subject.scene, kind, settings) for kind in WANTED)
    return [
        iou_cell(exact, WANTED["perfect"], subject.brief),
        iou_cell(bundled, WANTED["bundled"], subject.brief),
        f"{bundled.precision:.2f}, {bundled.recall:.2f}",
    ]


def iou_cell(found: Cutting, wanted: float, brief: bool) -> str:
    """Mean and worst object; what misses is said."""
    missed = "" if brief or found.iou >= wanted else f" (misses {wanted})"
    return f"{found.iou:.3f}, worst {found.worst:.3f}{missed}"


def scene_cameras(scene: str) -> list[Camera]:
    """The cameras of a bundled scene that have true masks."""
    return read_transforms(DATA / scene / "transforms_test.json", size=(200, 200))


def pictures(subject: Subject, path: Path) -> list[tuple[Camera, np.ndarray]]:
    """Cameras and the pictures that the original code made from them."""
    beside = path.parent / subject.reference
    if not beside.is_dir():
        with np.load(DATA / subject.reference) as data:
            images, matrices, focal = data["image"], data["field_from_camera"], float(data["focal"])
        height, width = images.shape[1:3]
        lens = (width, height, focal, focal, width / 2, height / 2)
        return [(Camera(*lens, m), image) for m, image in zip(matrices, images, strict=True)]
    found = []
    for number, entry in enumerate(json.loads((beside / "cameras.json").read_text())["cameras"]):
        matrix = np.eye(4)
        matrix[:3] = np.array(entry["c2w"])[:3]
        lens = (entry["fx"], entry["fy"], entry["cx"], entry["cy"])
        if number < MOST_PICTURES:
            image = np.load(beside / f"test_{number}.npy")
            found.append((Camera(image.shape[1], image.shape[0], *lens, matrix), image))
    return found


def compared(
    field: RadianceField, originals: list[tuple[Camera, np.ndarray]]
) -> tuple[float, float]:
    """PSNR in dB over all the original's pictures together, and processor seconds for each."""
    errors, seconds = [], []
    for camera, image in originals:
        begin = time.process_time()
        made = render_view(field, as_trained(field, camera)).image().numpy()
        seconds.append(time.process_time() - begin)
        errors.append(((made - image.astype(np.float32)) ** 2).mean())
    return float(-10 * np.log10(np.mean(errors))), float(np.mean(seconds))


@cache
def segmenter(kind: str, scene: str) -> Any:
    """The bundled segmenter, or one that knows the scene's truth."""
    return chosen_segmenter(kind, None, load_scene(DATA / scene / "gt"))


def cutting(field: RadianceField, scene: str, kind: str, settings: SegmentSettings) -> Cutting:
    """Cut all objects of a scene out and compare masks in the test views, and meshes."""
    truth, cameras = load_scene(DATA / scene / "gt"), scene_cameras(scene)
    ids = [np.load(DATA / scene / "gt" / "ids" / f"test_{k}.npy") for k in range(len(cameras))]
    prompts = [click(name, ids[0] == truth.ids[name]) for name in OBJECTS[scene]]
    views = [render_view(field, camera, with_color=False) for camera in cameras]
    means, precisions, recalls = [], [], []
    for name, entry, _ in cut(field, segmenter(kind, scene), cameras[0], prompts, settings):
        precision = recall = mean = 0.0
        if entry is not None:
            wanted = [picture == truth.ids[name] for picture in ids]
            mean = float(
                np.mean([iou(entry.mask(v), w) for v, w in zip(views, wanted, strict=True)])
            )
            if kind == "bundled":
                mesh = extract_mesh(field, entry, MeshSettings())
                precision, recall, _ = against(mesh, *truth.meshes[name])
        print(f"  {kind} {name}: IoU {mean:.3f} P {precision:.3f} R {recall:.3f}", file=sys.stderr)
        means.append(mean)
        precisions.append(precision)
        recalls.append(recall)
    mean_of = [float(np.mean(values)) for values in (means, precisions, recalls)]
    return Cutting(mean_of[0], min(means), *mean_of[1:])


def write_table(rows: dict[str, str]) -> None:
    """Put new rows between the document's markers; rows that were not measured stay."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    old, after = rest.split(END)
    old_rows = [line for line in old.splitlines() if line.startswith("|")]
    kept = {line.split("|")[1].split("(")[0].strip(): line for line in old_rows}
    lines = [(kept | rows).get(subject.title) for subject in SUBJECTS]
    ruler = "|---" * (HEAD.count("|") - 1) + "|"
    table = "\n".join([HEAD, ruler, *filter(None, lines)])
    with written_whole(DOCUMENT) as temporary:
        temporary.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
