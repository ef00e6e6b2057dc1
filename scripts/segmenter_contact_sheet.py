"""A sheet of photographs with clicks and the masks that come of them.

    python scripts/segmenter_contact_sheet.py --out docs/photographs.jpg

The photographs are scikit-image's own; none was used in training. Green dots are positive clicks,
red ones negative; the number is the predicted IoU of the mask shown, the best-scored one.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import skimage.data
import torch
from PIL import Image, ImageDraw
from scipy import ndimage

from sa3d_blender.core.files import written_whole
from sa3d_blender.core.segmenters import BUNDLED, SEGMENTERS
from sa3d_blender.engine.segmenters import load_segmenter
from sa3d_blender.engine.segmenters.protocol import Segmenter

WIDTH, HEIGHT = 300, 240
ACROSS = 4
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


def panel(segmenter: Segmenter, name: str, clicks: tuple[Click, ...]) -> Image.Image:
    """One photograph, its clicks, and the best mask."""
    picture = photograph(name)
    embedding = segmenter.embed(np.ascontiguousarray(picture))
    logits = None
    for turn in range(len(clicks)):
        answer = segmenter.predict(
            embedding,
            points=np.array([c[:2] for c in clicks[: turn + 1]], float),
            labels=np.array([c[2] for c in clicks[: turn + 1]]),
            logits=logits,
            multimask=turn == 0,
        )
        logits = answer.logits[0]
    scale = min(WIDTH / picture.shape[1], HEIGHT / picture.shape[0])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = np.asarray(Image.fromarray(picture).resize(size), np.float32)
    mask = np.asarray(Image.fromarray(answer.masks[0]).resize(size))
    edge = ndimage.binary_dilation(mask, iterations=2) & ~mask
    small = np.where(mask[..., None], 0.55 * small + 0.45 * TINT, small)
    small[edge] = TINT
    sheet = Image.new("RGB", (WIDTH, HEIGHT), "white")
    sheet.paste(Image.fromarray(small.astype(np.uint8)))
    draw = ImageDraw.Draw(sheet)
    for x, y, label in clicks:
        at = (x * scale, y * scale)
        fill = "lime" if label else "red"
        draw.ellipse([at[0] - 4, at[1] - 4, at[0] + 4, at[1] + 4], fill=fill, outline="black")
    draw.text((4, HEIGHT - 14), f"{answer.scores[0]:.2f}", fill="black")
    return sheet


def main() -> None:
    """Write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--segmenter", default=BUNDLED, choices=SEGMENTERS)
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    segmenter = load_segmenter(
        options.segmenter, weights=options.weights, device=torch.device("cpu")
    )
    rows = -(-len(CLICKS) // ACROSS)
    sheet = Image.new("RGB", (ACROSS * (WIDTH + 4), rows * (HEIGHT + 4)), "white")
    for k, (name, clicks) in enumerate(CLICKS):
        place = (k % ACROSS * (WIDTH + 4), k // ACROSS * (HEIGHT + 4))
        sheet.paste(panel(segmenter, name, clicks), place)
    with written_whole(options.out) as temporary, temporary.open("wb") as file:
        sheet.save(file, "JPEG", quality=88)


if __name__ == "__main__":
    main()
