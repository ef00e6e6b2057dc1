"""A sheet of photographs with clicks and the masks that come of them.

    python scripts/segmenter/contact_sheet.py --out docs/photographs.jpg
    python scripts/segmenter/contact_sheet.py --photographs FOLDER --out docs/held_out.jpg

The photographs are scikit-image's own, or those of a folder that are held out (see
``segmenter/data/photographs.py``); none was used in training. Green dots are positive clicks, red
ones negative; the number is the predicted IoU of the mask shown, the best-scored one. Of a folder,
each row is one object: after one click, after three, after five, and from a box (white: the truth);
the number is the true IoU.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw
from scipy import ndimage

sys.path.insert(0, str(Path(__file__).parents[1]))
from sa3d_blender.core.files import written_whole
from sa3d_blender.core.prompts import Prompt
from sa3d_blender.core.segmenters import BUNDLED, SEGMENTERS
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.dialogue import predict_in_turn
from sa3d_blender.engine.segmenters.protocol import Segmenter
from segmenter.data.photographs import masks_of, names_in, picture_of
from segmenter.evaluation.figures import outline
from segmenter.training.clicks import correcting_click, deepest
from segmenter.training.validation import box_prompt, iou

WIDTH, HEIGHT = 300, 240
ACROSS = 4
EVERY = 9
"""One in so many of the held-out photographs is shown."""
TINT = np.array((40, 110, 255), np.float32)
Click = tuple[float, float, int]
CLICKS: tuple[tuple[str, tuple[Click, ...]], ...] = (
    ("coffee", ((250, 150, 1),)),
    ("coffee", ((250, 150, 1), (120, 200, 0))),
    ("chelsea", ((200, 220, 1),)),
    ("chelsea", ((135, 105, 1),)),
    ("astronaut", ((300, 450, 1),)),
    ("astronaut", ((215, 110, 1),)),
    ("rocket", ((322, 200, 1),)),
    ("camera", ((200, 250, 1),)),
    ("stereo_motorcycle", ((330, 240, 1),)),
    ("stereo_motorcycle", ((530, 330, 1),)),
    ("coins", ((57, 40, 1),)),
    ("coins", ((346, 128, 1),)),
)


def photograph(name: str) -> np.ndarray:
    """uint8 [h w 3]."""
    found = getattr(skimage.data, name)()
    picture = found[0] if isinstance(found, tuple) else found
    return picture[..., :3] if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2)


def answered(
    segmenter: Segmenter, picture: np.ndarray, clicks: Sequence[Click]
) -> tuple[np.ndarray, float]:
    """The best mask after all clicks, and its predicted IoU."""
    embedding = segmenter.embed(np.ascontiguousarray(picture))
    answer = predict_in_turn(segmenter, embedding, Prompt().with_clicks(clicks))
    return answer.masks[0], float(answer.scores[0])


def drawn(
    picture: np.ndarray,
    mask: np.ndarray,
    said: str,
    clicks: Sequence[Click] = (),
    box: tuple[float, float, float, float] | None = None,
    truth: np.ndarray | None = None,
) -> Image.Image:
    """One panel: the mask in blue, clicks as dots, a box and the true outline in white."""
    scale = min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = np.asarray(Image.fromarray(picture).resize(size), np.float32)
    mask = np.asarray(Image.fromarray(mask).resize(size))
    edge = ndimage.binary_dilation(mask, iterations=2) & ~mask
    small = np.where(mask[..., None], 0.55 * small + 0.45 * TINT, small)
    small[edge] = TINT
    if truth is not None:
        small[outline(np.asarray(Image.fromarray(truth).resize(size)))] = 255
    sheet = Image.new("RGB", (WIDTH, HEIGHT), "white")
    sheet.paste(Image.fromarray(small.astype(np.uint8)))
    draw = ImageDraw.Draw(sheet)
    for x, y, label in clicks:
        at = (x * scale, y * scale)
        fill = "lime" if label else "red"
        draw.ellipse([at[0] - 4, at[1] - 4, at[0] + 4, at[1] + 4], fill=fill, outline="black")
    if box is not None:
        draw.rectangle([v * scale for v in box], outline="lime")
    draw.text((4, HEIGHT - 14), said, fill="black")
    return sheet


def panels(segmenter: Segmenter) -> Iterator[Image.Image]:
    """scikit-image's photographs."""
    for name, clicks in CLICKS:
        picture = photograph(name)
        mask, score = answered(segmenter, picture, clicks)
        yield drawn(picture, mask, f"{score:.2f}", clicks)


def held_out(segmenter: Segmenter, folder: Path) -> Iterator[Image.Image]:
    """Every few of a folder's held-out photographs, by their largest object: a row each."""
    for name in names_in(folder, validation=True)[::EVERY]:
        picture, masks = picture_of(folder, name), masks_of(folder, name)
        truth = masks[int(masks.sum((1, 2)).argmax())]
        clicks: list[Click] = []
        mask, rng = np.zeros_like(truth), np.random.default_rng(0)
        for count in range(1, 6):
            clicks.append(correcting_click(rng, truth, mask) if clicks else (*deepest(truth), 1))
            mask, _ = answered(segmenter, picture, clicks)
            if count in (1, 3, 5):
                yield drawn(picture, mask, f"{iou(mask, truth):.2f}", clicks, truth=truth)
        around = box_prompt(truth)
        embedding = segmenter.embed(np.ascontiguousarray(picture))
        mask = segmenter.predict(embedding, [around])[0].masks[0]
        yield drawn(picture, mask, f"{iou(mask, truth):.2f}", box=around.box, truth=truth)


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--photographs", type=Path, help="a folder of photographs with masks")
    parser.add_argument("--segmenter", default=BUNDLED, choices=SEGMENTERS)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    segmenter = load_segmenter(
        options.segmenter, weights=options.weights, device=torch.device("cpu")
    )
    folder = options.photographs
    shown = list(held_out(segmenter, folder) if folder else panels(segmenter))
    rows = -(-len(shown) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * (WIDTH + 4), rows * (HEIGHT + 4)), "white")
    for k, picture in enumerate(shown):
        sheet.paste(picture, (k % ACROSS * (WIDTH + 4), k // ACROSS * (HEIGHT + 4)))
    with written_whole(options.out) as temporary, temporary.open("wb") as file:
        sheet.save(file, "JPEG", quality=88)


if __name__ == "__main__":
    main()
