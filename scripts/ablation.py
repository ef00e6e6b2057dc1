"""What each choice is worth, measured on the bundled tabletop scene; writes ``docs/ablation.md``.

    python scripts/ablation.py [--end-to-end]

Votes only: exact 2D masks in training views spread around the scene, so that only inverse
rendering and the decision are measured. End to end: one click per object in one view, all four
objects in one pass; the segmenter is a perfect one (it cuts the exact object under the first
positive point) or the bundled one. Figures are IoU over the eight test views, none of which is
voted on.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sa3d_blender.core.cameras import read_transforms
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.settings import FieldOptions, SegmentSettings
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.mask_grids.result import SegmentedObject
from sa3d_blender.engine.parallel import one_core
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.segmentation import pipeline
from sa3d_blender.engine.segmentation.object_votes import ObjectVotes
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.view_path import prepared_views
from sa3d_blender.engine.view_path.views import Target
from tests.support.ground_truth import id_picture, iou, load_scene
from tests.support.perfect_segmenter import PerfectSegmenter

DATA = ROOT / "tests" / "data" / "tabletop"
NAMES = ("monkey", "donut", "box", "mug")
DEFAULT = SegmentSettings()
PAPER = pipeline.reference_settings(replace(DEFAULT, reference=True))

VOTES: tuple[tuple[str, SegmentSettings, int], ...] = (
    ("default", DEFAULT, 20),
    ("the paper: lambda 0.15, all samples, one grid, soft score > 0", PAPER, 20),
    ("lambda 0.15", replace(DEFAULT, negative_weight=0.15), 20),
    ("lambda 0.5", replace(DEFAULT, negative_weight=0.5), 20),
    ("lambda 2", replace(DEFAULT, negative_weight=2.0), 20),
    ("samples of weight > 0.01 vote", replace(DEFAULT, min_weight=0.01), 20),
    ("samples of weight > 0.2 vote", replace(DEFAULT, min_weight=0.2), 20),
    ("mask edges vote too", replace(DEFAULT, skip_edges=False), 20),
    ("one pass, no tight region", replace(DEFAULT, passes=1), 20),
    ("grid of 64", replace(DEFAULT, grid_resolution=64), 20),
    ("grid of 192", replace(DEFAULT, grid_resolution=192), 20),
    ("10 views", DEFAULT, 10),
    ("5 views", DEFAULT, 5),
)
END_TO_END: tuple[tuple[str, SegmentSettings], ...] = (
    ("default", DEFAULT),
    ("the paper (--reference)", replace(DEFAULT, reference=True)),
    ("the paper's prompt rule, else default", replace(DEFAULT, prompt_rule="confidence")),
    ("one pass", replace(DEFAULT, passes=1)),
    ("no gate", replace(DEFAULT, gate=False)),
    ("12 views", replace(DEFAULT, views=12)),
)


class Scene:
    """The field, its ground truth and the test views."""

    def __init__(self) -> None:
        self.field = load_field(DATA / "tabletop.th", FieldOptions(), device=torch.device("cpu"))
        self.truth = load_scene(DATA / "gt")
        self.cameras = read_transforms(DATA / "transforms_test.json", size=(200, 200))
        self.ids = [np.load(DATA / "gt" / "ids" / f"test_{k}.npy") for k in range(8)]
        self.views = [render_view(self.field, c, with_color=False) for c in self.cameras]

    def figures(self, objects: Sequence[SegmentedObject]) -> list[float]:
        """Mean IoU of each object over the test views."""
        return [
            float(
                np.mean(
                    [
                        iou(entry.mask(view), ids == self.truth.ids[entry.name])
                        for view, ids in zip(self.views, self.ids, strict=True)
                    ]
                )
            )
            for entry in objects
        ]


def votes_table(scene: Scene) -> list[str]:
    """Rows of the votes-only table."""
    train = read_transforms(DATA / "transforms_train.json", size=(256, 256))
    cameras = train[:: max(1, len(train) // 20)][:20]
    views = {i: render_view(scene.field, c, with_color=False) for i, c in enumerate(cameras)}
    masks = {i: id_picture(scene.truth, c) for i, c in enumerate(cameras)}
    rows = []
    for title, settings, count in VOTES:
        every = len(views) // count
        used = {i: views[i] for i in range(0, len(views), every)}
        objects = [vote_all(scene, name, settings, used, masks) for name in NAMES]
        rows.append(row(title, scene.figures(objects)))
        print(rows[-1], flush=True)
    return rows


def vote_all(
    scene: Scene, name: str, settings: SegmentSettings, views: dict[int, Any], masks: dict[int, Any]
) -> SegmentedObject:
    """One object from exact masks."""
    vertices = scene.truth.meshes[name][0]
    center = vertices.mean(axis=0)
    target = Target(center, float(np.linalg.norm(vertices - center, axis=1).max()))
    prompt = Prompt(name, ((0.0, 0.0),), (1,))
    votes = ObjectVotes.start(prompt, settings, scene.field, target)
    for i, view in views.items():
        votes.vote(i, view, masks[i] == scene.truth.ids[name])
    if settings.passes > 1:
        votes.tighten(scene.field, views)
    return votes.finished(scene.field, views)


def end_to_end_table(scene: Scene) -> list[str]:
    """Rows of the end-to-end table."""
    rows = []
    for kind in ("perfect", "bundled"):
        for title, settings in END_TO_END:
            if kind == "perfect":
                segmenter: Any = PerfectSegmenter(scene.truth)
                segmenter.watch(Patch)
            else:
                segmenter = load_segmenter("bundled", device=torch.device("cpu"))
            begin = time.time()
            figures = one_click_each(scene, segmenter, settings)
            rows.append(row(f"{kind} segmenter, {title}", figures))
            print(rows[-1], f"{time.time() - begin:.0f} s", flush=True)
    return rows


class Patch:
    """What `PerfectSegmenter.watch` needs of pytest's monkeypatch."""

    original: Callable[..., Any] = staticmethod(prepared_views.render_view)

    @classmethod
    def setattr(cls, owner: Any, name: str, value: Any) -> None:
        """Replace an attribute of the original module."""
        setattr(owner, name, value)


def one_click_each(scene: Scene, segmenter: Any, settings: SegmentSettings) -> list[float]:
    """IoU of all objects, cut out in one pass after one click each; 0 when nothing was found."""
    prompts = []
    for name in NAMES:
        mask = scene.ids[0] == scene.truth.ids[name]
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        row_, column = np.unravel_index(int(depth.argmax()), mask.shape)
        prompts.append(Prompt(name, ((column + 0.5, row_ + 0.5),), (1,)))
    try:
        found, _ = pipeline.segment(scene.field, segmenter, scene.cameras[0], prompts, settings)
    except UserError as error:
        print(error)
        return [0.0] * len(NAMES)
    return scene.figures(found)


def row(title: str, figures: Sequence[float]) -> str:
    """A line of a Markdown table."""
    cells = " | ".join(f"{figure:.3f}" for figure in [*figures, float(np.mean(figures))])
    return f"| {title} | {cells} |"


def table(title: str, rows: Sequence[str]) -> str:
    """A Markdown table under a heading."""
    head = f"| setting | {' | '.join(NAMES)} | mean |\n|---|{'---|' * (len(NAMES) + 1)}"
    return f"## {title}\n\n{head}\n" + "\n".join(rows) + "\n"


def main() -> None:
    """Measure and write."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--end-to-end", action="store_true")
    arguments.add_argument("--out", type=Path, default=ROOT / "docs" / "ablation.md")
    options = arguments.parse_args()
    with one_core():
        scene = Scene()
        parts = ["# Ablation\n\nMade by `scripts/ablation.py`; IoU over the eight test views.\n"]
        parts.append(table("Exact masks, views spread around the scene", votes_table(scene)))
        if options.end_to_end:
            title = "One click per object, from one camera, all objects in one pass"
            parts.append(table(title, end_to_end_table(scene)))
    options.out.write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
