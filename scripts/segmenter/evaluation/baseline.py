"""What can be done without learning: superpixels, and a flood over those of the clicked colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import UInt8
from skimage.color import rgb2lab
from skimage.segmentation import slic

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.rendering.relief import Relief
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction

SUPERPIXELS = 400
LIMITS = (12.0, 20.0, 32.0)
"""Differences in Lab colour that the flood passes, one per candidate mask."""


class FloodOverSuperpixels:
    """A `Segmenter` made of SLIC and a flood fill; its score is the same for every mask."""

    name = "flood"

    def embed(
        self, image: UInt8[np.ndarray, "h w 3"], _relief: Relief | None = None
    ) -> ImageEmbedding:
        """Cut the picture into superpixels; their numbers and colours are the features."""
        numbers = slic(image, SUPERPIXELS, compactness=10, start_label=0)
        lab = rgb2lab(image).astype(np.float32)
        features = np.concatenate([numbers[None], lab.transpose(2, 0, 1)]).astype(np.float32)
        size = (image.shape[0], image.shape[1])
        return ImageEmbedding(torch.from_numpy(features)[None], size, size)

    def predict(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[MaskPrediction]:
        """One after the other."""
        return [self._answer(embedding, prompt) for prompt in prompts]

    def _answer(self, embedding: ImageEmbedding, prompt: Prompt) -> MaskPrediction:
        """Flood from every positive point, not over superpixels with a negative one."""
        numbers, lab = np.split(embedding.features[0].numpy(), [1])
        cells = numbers[0].astype(int)
        shape = cells.shape
        points, labels, box = prompt.point_array(), np.array(prompt.labels), prompt.box
        if box is not None and not prompt.points:
            points, labels = np.array([[box[0] + box[2], box[1] + box[3]]]) / 2, np.array([1])
        places = np.clip(points.astype(int), 0, np.array(shape[::-1]) - 1)
        at = cells[places[:, 1], places[:, 0]]
        colors = np.stack([np.bincount(cells.ravel(), c.ravel()) for c in lab], 1)
        colors = colors / np.bincount(cells.ravel())[:, None]
        beside = neighbours(cells)
        banned = set(at[labels == 0].tolist())
        masks = []
        for limit in LIMITS if prompt.multimask else LIMITS[1:2]:
            chosen = [flood(int(c), colors, beside, limit, banned) for c in at[labels == 1]]
            mask = np.isin(cells, list(set().union(*chosen)))
            masks.append(mask if box is None else mask & inside(box, shape))
        each = np.stack(masks)
        return MaskPrediction(each, np.full(len(each), 0.5), each.astype(np.float32))


def neighbours(cells: np.ndarray) -> dict[int, set[int]]:
    """Which superpixels touch."""
    found: dict[int, set[int]] = {int(c): set() for c in np.unique(cells)}
    for a, b in ((cells[1:], cells[:-1]), (cells[:, 1:], cells[:, :-1])):
        for first, second in np.unique(np.stack([a[a != b], b[a != b]], 1), axis=0):
            found[int(first)].add(int(second))
            found[int(second)].add(int(first))
    return found


def flood(
    start: int, colors: np.ndarray, beside: dict[int, set[int]], limit: float, banned: set[int]
) -> set[int]:
    """Superpixels reached from one over others of nearly its colour."""
    reached, waiting = {start}, [start]
    while waiting:
        for other in beside[waiting.pop()] - reached - banned:
            if np.linalg.norm(colors[other] - colors[start]) < limit:
                reached.add(other)
                waiting.append(other)
    return reached


def inside(box: tuple[float, float, float, float], shape: tuple[int, ...]) -> np.ndarray:
    """Mask of a box's pixels."""
    mask = np.zeros(shape, bool)
    x0, y0, x1, y1 = np.round(box).astype(int)
    mask[y0:y1, x0:x1] = True
    return mask
