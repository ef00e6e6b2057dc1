"""A segmenter without weights: it cuts out pixels of about the colour that was clicked on."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction

from .one_by_one import OneByOne

SAME_COLOR = 45
"""Largest difference, of 255, in any channel."""


def numbered(image: np.ndarray, number: int) -> ImageEmbedding:
    """An embedding that is nothing but a picture's number."""
    features = torch.full((1, 1, 1, 1), float(number))
    return ImageEmbedding(features, image.shape[:2], image.shape[:2])


class ScriptedSegmenter(OneByOne):
    """Deterministic and fast; good enough for objects of one colour."""

    name = "scripted"

    def __init__(self) -> None:
        self.images: list[np.ndarray] = []

    def embed(self, image: np.ndarray, relief: object = None) -> ImageEmbedding:
        """Remember the picture; the features are only its number."""
        self.images.append(image)
        return numbered(image, len(self.images) - 1)

    def answer(self, embedding: ImageEmbedding, prompt: Prompt) -> MaskPrediction:
        """The connected pixels of each click's colour, or the box; three sizes on request."""
        image = self.images[int(embedding.features)].astype(int)
        mask = np.zeros(image.shape[:2], dtype=bool)
        if prompt.box is not None:
            x0, y0, x1, y1 = (int(v) for v in prompt.box)
            mask[y0:y1, x0:x1] = True
        for (x, y), label in zip(prompt.point_array(), prompt.labels, strict=True):
            row, column = min(int(y), len(mask) - 1), min(int(x), mask.shape[1] - 1)
            near = np.abs(image - image[row, column]).max(axis=2) < SAME_COLOR
            pieces, _ = ndimage.label(near)
            piece = pieces == pieces[row, column]
            mask = mask | piece if label else mask & ~piece
        masks = [mask]
        if prompt.multimask:
            masks += [ndimage.binary_dilation(mask), ndimage.binary_erosion(mask)]
        stacked = np.stack(masks)
        scores = np.array([0.9, 0.8, 0.7], np.float32)[: len(masks)]
        return MaskPrediction(stacked, scores, np.where(stacked, 1.0, -1.0).astype(np.float32))
