"""How well a segmenter answers: mIoU after 1, 2, 3 and 5 clicks and from a box, and its speed.

    python scripts/evaluate_segmenter.py --rendered data/scenes
    python scripts/evaluate_segmenter.py --pictures VIEWS --ids IDS --objects 2,3,4,5

``--rendered`` takes a folder of render_scenes.py (its held-out scenes). ``--pictures`` takes a
folder of pictures and ``--ids`` one with an array ``NAME.npy`` of object numbers for some of them.
The first click is the point deepest inside the object, further ones the deepest in the largest
error; earlier logits are fed back.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent))

from segmenter_data.layers import FIRST_OBJECT
from segmenter_data.pictures import Pictures
from segmenter_training.clicks import correcting_click, deepest
from segmenter_training.validation import iou

from sa3d_blender.engine.relief import Relief
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, Segmenter

Shown = tuple[np.ndarray, Relief | None, dict[str, np.ndarray]]
"""A picture, its relief if known, and masks by GROUP or GROUP/NUMBER."""
CLICKS = (1, 2, 3, 5)
SMALLEST = 0.0015
"""Share of the picture below which an object is not asked for."""


@dataclass
class Figures:
    """What was measured of one group of objects."""

    rows: list[list[float]] = field(default_factory=list)
    """Per object: IoU after the numbers of clicks, best of the first three, box."""
    right_pick: list[bool] = field(default_factory=list)
    """Whether the best-scored of the first three masks was the best, or within 0.02 of it."""
    score_error: list[float] = field(default_factory=list)

    def line(self, name: str) -> str:
        """One row of the table."""
        means = " ".join(f"{v:7.3f}" for v in np.mean(self.rows, axis=0))
        picked, off = np.mean(self.right_pick), np.mean(self.score_error)
        return f"{name:24s}{len(self.rows):5d} {means} {picked:7.2f} {off:7.3f}"


def ask(segmenter: Segmenter, embedding: ImageEmbedding, mask: np.ndarray, into: Figures) -> None:
    """Click on one object until five points are set, then give its box."""
    clicks = [(*deepest(mask), 1)]
    ious, logits, best = [], None, 0.0
    rng = np.random.default_rng(0)
    for turn in range(max(CLICKS)):
        answer = segmenter.predict(
            embedding,
            points=np.array([c[:2] for c in clicks]),
            labels=np.array([c[2] for c in clicks]),
            logits=logits,
            multimask=turn == 0,
        )
        found = [iou(m, mask) for m in answer.masks]
        ious.append(found[0])
        if turn == 0:
            best = max(found)
            into.right_pick.append(found[0] >= best - 0.02)
            into.score_error.append(abs(float(answer.scores[0]) - found[0]))
        logits = answer.logits[0]
        clicks.append(correcting_click(rng, mask, answer.masks[0]))
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], float)
    boxed = iou(segmenter.predict(embedding, box=box, multimask=False).masks[0], mask)
    into.rows.append([*[ious[n - 1] for n in CLICKS], best, boxed])


def rendered(folder: Path) -> Iterator[Shown]:
    """Held-out pictures, each with its relief and again without."""
    pictures = Pictures(folder, validation=True)
    for name in pictures.names:
        found = pictures.plain(name, 6)
        if found is not None:
            layers, masks = found
            yield layers.image, layers.relief(), {f"relief/{i}": m for i, m in enumerate(masks)}
            yield layers.image, None, {f"picture only/{i}": m for i, m in enumerate(masks)}


def from_folders(pictures: Path, ids: Path, objects: list[int]) -> Iterator[Shown]:
    """Pictures on white with their objects' masks."""
    for path in sorted(ids.glob("*.npy")):
        picture = pictures / f"{path.stem}.png"
        if not picture.exists():
            continue
        numbers = np.load(path)
        image = Image.open(picture).convert("RGBA").resize(numbers.shape[::-1], Image.LANCZOS)
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        white.alpha_composite(image)
        chosen = objects or [int(n) for n in np.unique(numbers) if n >= FIRST_OBJECT]
        masks = {f"object {n}": numbers == n for n in chosen}
        yield np.asarray(white.convert("RGB")), None, masks


def evaluate(segmenter: Segmenter, views: Iterator[Shown]) -> dict[str, Figures]:
    """Figures by group of objects."""
    groups: dict[str, Figures] = {}
    for image, relief, masks in views:
        embedding = segmenter.embed(np.ascontiguousarray(image), relief)
        for label, mask in masks.items():
            if mask.mean() >= SMALLEST:
                ask(segmenter, embedding, mask, groups.setdefault(label.split("/")[0], Figures()))
    return groups


def speed(segmenter: Segmenter, repeats: int = 5) -> tuple[float, float]:
    """Median milliseconds to embed a 1024 x 1024 picture and to answer a click."""
    image = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3), dtype=np.uint8)
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        begin = time.perf_counter()
        embedding = segmenter.embed(image)
        middle = time.perf_counter()
        segmenter.predict(embedding, points=np.array([[512.0, 512.0]]), labels=np.array([1]))
        spent[0].append(middle - begin)
        spent[1].append(time.perf_counter() - middle)
    return float(np.median(spent[0]) * 1e3), float(np.median(spent[1]) * 1e3)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segmenter", default="bundled", help="bundled, vit_b, vit_l or vit_h")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--ids", type=Path)
    parser.add_argument("--objects", default="", help="numbers, separated by commas")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    segmenter = load_segmenter(
        options.segmenter, weights=options.weights, device=torch.device(options.device)
    )
    groups: dict[str, Figures] = {}
    if options.rendered:
        groups |= evaluate(segmenter, rendered(options.rendered))
    if options.pictures and options.ids:
        chosen = [int(n) for n in options.objects.split(",") if n]
        groups |= evaluate(segmenter, from_folders(options.pictures, options.ids, chosen))
    clicks = " ".join(f"{n:4d} cl" for n in CLICKS)
    print(f"{'':24s}    n {clicks}  best/3     box  picked  |s-iou|")
    for name, figures in groups.items():
        print(figures.line(name))
    if len(groups) > 1:
        every = Figures(
            [row for one in groups.values() for row in one.rows],
            [value for one in groups.values() for value in one.right_pick],
            [value for one in groups.values() for value in one.score_error],
        )
        print(every.line("all"))
    encode, decode = speed(segmenter)
    print(f"embed {encode:.0f} ms, answer {decode:.0f} ms ({torch.get_num_threads()} threads)")


if __name__ == "__main__":
    main()
