"""How well a segmenter answers: mIoU after 1, 2, 3 and 5 clicks and from a box, and its speed.

    python scripts/segmenter/evaluate.py --scene tests/data/tabletop --coins
    python scripts/segmenter/evaluate.py --rendered data/scenes
    python scripts/segmenter/evaluate.py --photographs PHOTOGRAPHS
    python scripts/segmenter/evaluate.py --pictures VIEWS --ids IDS --objects 2,3,4,5

``--scene`` takes a folder with a field, its test cameras and ``gt/ids``. ``--rendered`` takes a
folder of render_scenes.py (its held-out scenes). ``--photographs`` takes a folder of photographs
with masks (``segmenter/data/photographs.py``; those held out). ``--pictures`` takes a folder of
pictures and ``--ids`` one with an array ``NAME.npy`` of object numbers for some of them.
``--coins`` asks for every coin of scikit-image's photograph. The first click is the point deepest
inside the object, further ones the deepest in the largest error, as a dialogue that
``segmenters/dialogue.py`` holds.
``edge F`` is the boundary F-score of the first answer, ``picked`` how often the best-scored of its
three masks was the best (or within 0.02), ``|s-iou|`` and ``ECE`` how far the predicted IoU is off.
The last lines are times; a small object is encoded again at the first click on it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.segmenters import BUNDLED, SEGMENTERS
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.protocol import Segmenter
from segmenter.evaluation.baseline import FloodOverSuperpixels
from segmenter.evaluation.figures import Figures, ask
from segmenter.evaluation.shown import Shown, coins, from_folders, photographed, rendered, views_of

SMALLEST = 0.0015
"""Share of the picture below which an object is not asked for."""


def evaluate(segmenter: Segmenter, views: Iterator[Shown]) -> dict[str, Figures]:
    """Figures by group of objects."""
    groups: dict[str, Figures] = {}
    for image, relief, masks in views:
        embedding = segmenter.embed(np.ascontiguousarray(image), relief)
        for label, mask in masks.items():
            if mask.mean() >= SMALLEST:
                ask(segmenter, embedding, mask, groups.setdefault(label.split("/")[0], Figures()))
    return groups


def speed(segmenter: Segmenter, radius: int, repeats: int = 5) -> list[float]:
    """Median milliseconds for a disc in a 1024 x 1024 picture: embed, first and second click."""
    rows, columns = np.mgrid[:1024, :1024] - 512
    image = np.full((1024, 1024, 3), 60, np.uint8)
    image[rows**2 + columns**2 < radius**2] = (220, 150, 40)
    click = Prompt(points=((512.0, 512.0),), labels=(1,))
    both = click.and_click(519, 511, 1)
    spent = []
    for _ in range(repeats):
        times = [time.perf_counter()]
        embedding = segmenter.embed(image)
        times.append(time.perf_counter())
        (first,) = segmenter.predict(embedding, [click])
        times.append(time.perf_counter())
        segmenter.predict(embedding, [replace(both, logits=first.logits[0], multimask=False)])
        times.append(time.perf_counter())
        spent.append(np.diff(times))
    return [float(v) for v in np.median(spent, axis=0) * 1e3]


def sources(options: argparse.Namespace) -> Iterator[Iterator[Shown]]:
    """Everything that was asked for."""
    chosen = [int(n) for n in options.objects.split(",") if n]
    if options.scene:
        yield views_of(options.scene, chosen)
    if options.rendered:
        yield rendered(options.rendered)
    if options.photographs:
        yield photographed(options.photographs)
    if options.pictures and options.ids:
        yield from_folders(options.pictures, options.ids, chosen)
    if options.coins:
        yield coins()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--segmenter",
        default=BUNDLED,
        choices=(*SEGMENTERS, "flood"),
        help="flood is a baseline",
    )
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--scene", type=Path)
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--ids", type=Path)
    parser.add_argument("--coins", action="store_true")
    parser.add_argument("--objects", default="", help="numbers, separated by commas")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    segmenter: Segmenter = FloodOverSuperpixels()
    if options.segmenter != "flood":
        device = torch.device(options.device)
        segmenter = load_segmenter(options.segmenter, weights=options.weights, device=device)
    print(Figures.HEAD)
    for views in sources(options):
        groups = evaluate(segmenter, views)
        for name, figures in sorted(groups.items()):
            print(figures.line(name))
        if len(groups) > 1:
            print(sum(groups.values(), Figures()).line("all of these"))
    for size, radius in (("large", 300), ("small", 60)):
        embed, first, further = speed(segmenter, radius)
        print(
            f"{size} object: embed {embed:.0f} ms, first click {first:.0f} ms, "
            f"further clicks {further:.0f} ms ({torch.get_num_threads()} threads)"
        )


if __name__ == "__main__":
    main()
