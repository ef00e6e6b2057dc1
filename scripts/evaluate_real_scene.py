"""A field of a real scene with masks of some views: whole runs from one click and from several.

    python scripts/evaluate_real_scene.py FIELD --cameras transforms_test.json
        --training transforms_train.json --masks MASKS --objects apple,banana
        [--clicks 1,4] [--starts 0,2] [--sheet sheet.jpg]

``MASKS/OBJECT_K.png`` is the object's mask in frame K. The clicks are in the first frame that has
one, or in each of ``--starts``: the first is the point deepest inside the object, further ones the
deepest in the largest error of the segmenter's answer there. The cameras of a forward-facing field
are those that it was trained with. IoU is the mean over all frames with masks. ``--sheet`` draws
the clicks, what was found in the views, and the mesh.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))
from segmenter.contact_sheet import drawn
from segmenter.training.clicks import correcting_click, deepest
from segmenter.training.validation import iou

from sa3d_blender.core.cameras import Camera, read_transforms
from sa3d_blender.core.files import written_whole
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.segmenters import BUNDLED, SEGMENTERS
from sa3d_blender.core.settings import FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.fields.spaces.ndc import with_training_camera
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.meshing.surface import extract_mesh
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.run import Run
from sa3d_blender.engine.segmentation import pipeline
from sa3d_blender.engine.segmentation.artist_view import artist_camera, predict_in_picture
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.protocol import Segmenter
from sa3d_blender.engine.view_path.prepared_views import prepare_view

CPU = torch.device("cpu")
SHOWN = 4
"""Views of an object on the sheet."""


def main() -> None:
    """Print the table."""
    options = arguments()
    cameras = read_transforms(options.cameras)
    known = with_training_camera(FieldOptions(), cameras[0])
    field = load_field(options.field, known, device=CPU)
    segmenter = load_segmenter(options.segmenter, weights=options.weights, device=CPU)
    given = read_transforms(options.training) if options.training else []
    panels: list[Image.Image] = []
    print("| object | frame | clicks | first mask | IoU | worst view | agreed | faces | CPU s |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name in options.objects.split(","):
        masks = masks_of(options.masks, name, len(cameras))
        chosen = {int(n) for n in options.starts.split(",")} if options.starts else {min(masks)}
        for start in sorted(chosen & set(masks)):
            for count in (int(n) for n in options.clicks.split(",")):
                panels += measured(field, segmenter, cameras, given, masks, name, start, count)
    if options.sheet:
        write_sheet(options.sheet, panels)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("field", type=Path)
    parser.add_argument("--cameras", type=Path, required=True)
    parser.add_argument("--training", type=Path, help="cameras that views are chosen among")
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--objects", required=True, help="names, separated by commas")
    parser.add_argument("--clicks", default="1,4")
    parser.add_argument("--starts", help="frames that are clicked in, separated by commas")
    parser.add_argument("--segmenter", default=BUNDLED, choices=SEGMENTERS)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--sheet", type=Path)
    return parser.parse_args()


def masks_of(folder: Path, name: str, count: int) -> dict[int, np.ndarray]:
    """An object's masks by frame; bool [h w]."""
    paths = {k: folder / f"{name}_{k}.png" for k in range(count)}
    return {k: np.asarray(Image.open(p).convert("L")) > 127 for k, p in paths.items() if p.exists()}


def measured(
    field: RadianceField,
    segmenter: Segmenter,
    cameras: list[Camera],
    given: list[Camera],
    masks: dict[int, np.ndarray],
    name: str,
    start: int,
    count: int,
) -> list[Image.Image]:
    """One line of the table, and its row of the sheet."""
    prompt, first = clicked(field, segmenter, cameras[start], masks[start], name, count)
    begin = time.process_time()
    (entry,), views = pipeline.segment(
        field, segmenter, cameras[start], [prompt], SegmentSettings(), given=given, run=Run()
    )
    mesh = extract_mesh(field, entry, MeshSettings())
    seconds = time.process_time() - begin
    got = {k: entry.mask(render_view(field, cameras[k], with_color=False)) for k in masks}
    each = [iou(got[k], masks[k]) for k in masks]
    agreed = [view["objects"][name]["accepted"] for view in views if name in view["objects"]]
    print(
        f"| {name} | {start} | {count} | {first:.3f} | {np.mean(each):.3f} | {min(each):.3f} | "
        f"{sum(agreed)} of {len(agreed)} | {len(mesh.faces)} | {seconds:.0f} |",
        flush=True,
    )
    return row(field, cameras, got, masks, start, prompt, entry, mesh)


def clicked(
    field: RadianceField,
    segmenter: Segmenter,
    camera: Camera,
    mask: np.ndarray,
    name: str,
    count: int,
) -> tuple[Prompt, float]:
    """Corrected clicks in one picture, and the IoU of the segmenter's answer to them there."""
    cut = artist_camera(camera, SegmentSettings().view_size)
    picture = prepare_view(field, segmenter, cut, Run(), np.inf)
    size = (cut.width, cut.height)
    wanted = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    clicks: list[tuple[float, float, int]] = []
    got, rng = np.zeros_like(wanted), np.random.default_rng(0)
    for _ in range(count):
        clicks.append(correcting_click(rng, wanted, got) if clicks else (*deepest(wanted), 1))
        scale = camera.width / cut.width
        prompt = Prompt(name).with_clicks((x * scale, y * scale, label) for x, y, label in clicks)
        (answer,) = predict_in_picture(segmenter, picture.embedding, cut, camera, [prompt])
        got = answer.masks[0]
    return prompt, iou(got, wanted)


def row(
    field: RadianceField,
    cameras: list[Camera],
    got: dict[int, np.ndarray],
    truth: dict[int, np.ndarray],
    start: int,
    prompt: Prompt,
    entry: SegmentedObject,
    mesh: MeshData,
) -> list[Image.Image]:
    """Pictures of the field with what was found (blue; white: the truth), and the mesh."""
    chosen = [start, *[k for k in truth if k != start][: SHOWN - 2]]
    panels = []
    for k in chosen:
        view = render_view(field, cameras[k], with_color=True)
        picture = (view.image().clamp(0, 1) * 255).byte().numpy()
        said = f"{entry.name}: {iou(got[k], truth[k]):.2f}"
        own = prompt.clicks if k == start else ()
        panels.append(drawn(picture, got[k], said, own, truth=truth[k]))
    look = cameras[chosen[-1]]
    nothing = np.zeros((look.height, look.width), bool)
    return [*panels, drawn(seen(mesh, look), nothing, f"{entry.name}: mesh")]


def seen(mesh: MeshData, camera: Camera) -> np.ndarray:
    """A mesh's vertices and faces' middles as coloured dots, the nearest one first; uint8."""
    points = np.concatenate([mesh.vertices, mesh.vertices[mesh.faces].mean(axis=1)])
    colors = np.concatenate([mesh.colors, mesh.colors[mesh.faces].mean(axis=1)])
    depth = (points - camera.origin) @ camera.forward
    order = np.argsort(-depth)
    image = np.full((camera.height, camera.width, 3), 255, np.uint8)
    places = camera.project(points[order])
    for shift in np.ndindex(2, 2):
        columns, rows = np.floor(places + np.array(shift) - 0.5).astype(int).T
        inside = (rows >= 0) & (rows < camera.height) & (columns >= 0) & (columns < camera.width)
        image[rows[inside], columns[inside]] = colors[order][inside]
    return image


def write_sheet(path: Path, panels: list[Image.Image]) -> None:
    """All panels, a row for each line of the table."""
    width, height = panels[0].size
    rows = -(-len(panels) // SHOWN)
    sheet = Image.new("RGB", (SHOWN * (width + 4), rows * (height + 4)), "white")
    for k, panel in enumerate(panels):
        sheet.paste(panel, (k % SHOWN * (width + 4), k // SHOWN * (height + 4)))
    with written_whole(path) as temporary, temporary.open("wb") as file:
        sheet.save(file, "JPEG", quality=88)


if __name__ == "__main__":
    main()
