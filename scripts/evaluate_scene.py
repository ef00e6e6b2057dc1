"""The main job measured: one click per object, IoU over the test views, mesh against the truth.

    python scripts/evaluate_scene.py tabletop [--segmenter perfect] [--together] [--reference]

The click is the pixel deepest inside the object's true mask in frame 0, which is the only camera
given. ``perfect`` cuts the true object under the first positive point, in place of a segmenter.
Mesh distances count within 0.04 units.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from scipy import ndimage
from scipy.spatial import cKDTree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.segmenters import BUNDLED, SEGMENTERS
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.meshing.mesh_clean import boundary_edges
from sa3d_blender.engine.meshing.surface import extract_mesh
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.segmentation import pipeline
from sa3d_blender.engine.segmenters import load_segmenter
from tests.support.ground_truth import Scene, iou, load_scene
from tests.support.perfect_segmenter import PerfectSegmenter

DATA = ROOT / "tests" / "data"
OBJECTS = {"tabletop": ("monkey", "donut", "box", "mug"), "shelf": ("vase", "bust", "ring")}
NEAR = 0.04
PERFECT = "perfect"
POINTS = 20_000


def main() -> None:
    """Measure one scene and print a table."""
    options = arguments()
    folder = DATA / options.scene
    truth = load_scene(folder / "gt")
    cameras = read_transforms(folder / "transforms_test.json", size=(200, 200))
    ids = [np.load(folder / "gt" / "ids" / f"test_{k}.npy") for k in range(len(cameras))]
    field = load_field(
        folder / f"{options.scene}.th",
        with_training_camera(FieldOptions(), cameras[0]),
        device=torch.device("cpu"),
    )
    segmenter = chosen_segmenter(options.segmenter, options.weights, truth)
    settings = replace(SegmentSettings(), views=options.views, reference=options.reference)
    names = [n for n in OBJECTS[options.scene] if options.only in (None, n)]
    prompts = [click(name, ids[0] == truth.ids[name]) for name in names]
    groups = [prompts] if options.together else [[prompt] for prompt in prompts]
    print("| object | IoU | worst view | precision | recall | centre off | open edges | s |")
    print("|---|---|---|---|---|---|---|---|")
    views = [render_view(field, camera, with_color=False) for camera in cameras]
    means = []
    for group in groups:
        for name, entry, seconds in cut(field, segmenter, cameras[0], group, settings):
            each = [
                iou(entry.mask(view), picture == truth.ids[name]) if entry else 0.0
                for view, picture in zip(views, ids, strict=True)
            ]
            means.append(np.mean(each))
            cells = mesh_cells(field, entry, truth) if entry else "- | - | - | -"
            print(f"| {name} | {np.mean(each):.3f} | {min(each):.3f} | {cells} | {seconds:.0f} |")
    print(f"| mean | {np.mean(means):.3f} | | | | | | |")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("scene", choices=sorted(OBJECTS))
    parser.add_argument("--segmenter", choices=(*SEGMENTERS, PERFECT), default=BUNDLED)
    parser.add_argument("--weights", type=Path, help="other weights of the bundled segmenter")
    parser.add_argument("--only", help="the name of one object")
    parser.add_argument("--together", action="store_true", help="all objects in one pass")
    parser.add_argument("--views", type=int, default=SegmentSettings.views)
    parser.add_argument("--reference", action="store_true", help="the paper exactly")
    return parser.parse_args()


def chosen_segmenter(name: str, weights: Path | None, truth: Scene) -> Any:
    """The bundled segmenter, or one that knows the truth."""
    if name != PERFECT:
        return load_segmenter(name, weights=weights, device=torch.device("cpu"))
    perfect = PerfectSegmenter(truth)

    class Patch:
        @staticmethod
        def setattr(owner: Any, attribute: str, value: Any) -> None:
            setattr(owner, attribute, value)

    perfect.watch(Patch)
    return perfect


def click(name: str, mask: np.ndarray) -> Prompt:
    """One positive point, deepest inside the mask."""
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), mask.shape)
    return Prompt(name, ((float(column) + 0.5, float(row) + 0.5),), (1,))


def cut(
    field: RadianceField,
    segmenter: Any,
    camera: Camera,
    prompts: Sequence[Prompt],
    settings: SegmentSettings,
) -> list[tuple[str, SegmentedObject | None, float]]:
    """Each object's result, None where it could not be cut out, and the seconds it all took."""
    begin = time.perf_counter()
    try:
        found, _ = pipeline.segment(field, segmenter, camera, prompts, settings, run=Run())
    except UserError as error:
        print(f"<!-- {error} -->")
        return [(prompt.name, None, time.perf_counter() - begin) for prompt in prompts]
    seconds = time.perf_counter() - begin
    return [(entry.name, entry, seconds) for entry in found]


def mesh_cells(field: RadianceField, entry: SegmentedObject, truth: Scene) -> str:
    """Precision, recall, distance of the boxes' centres and open edges of the mesh."""
    try:
        mesh = extract_mesh(field, entry, MeshSettings())
    except UserError as error:
        return f"{error} | - | - | -"
    precision, recall, centre = against(mesh, *truth.meshes[entry.name])
    return f"{precision:.3f} | {recall:.3f} | {centre:.3f} | {boundary_edges(mesh.faces)}"


def against(mesh: MeshData, vertices: np.ndarray, faces: np.ndarray) -> tuple[float, float, float]:
    """Parts of the mesh near the truth and of the truth near the mesh, and the centres' offset."""
    got = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).sample(POINTS, seed=1)
    wanted = trimesh.Trimesh(vertices, faces, process=False).sample(POINTS, seed=1)
    middles = [(v.min(axis=0) + v.max(axis=0)) / 2 for v in (mesh.vertices, vertices)]
    return (
        float((cKDTree(wanted).query(got)[0] < NEAR).mean()),
        float((cKDTree(got).query(wanted)[0] < NEAR).mean()),
        float(np.linalg.norm(middles[0] - middles[1])),
    )


if __name__ == "__main__":
    main()
