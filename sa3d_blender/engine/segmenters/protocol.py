"""What the pipeline needs from a 2D promptable segmenter: embed once, answer often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ..rendering.relief import Relief


@dataclass(frozen=True)
class ImageEmbedding:
    """The encoder's answer for one picture; it depends on nothing else, so it is kept per view."""

    features: Float[Tensor, "1 c eh ew"]
    """Image features as the mask decoder expects them."""
    image_size: tuple[int, int]
    """Height and width of the picture in pixels."""
    input_size: tuple[int, int]
    """Height and width of the resized picture inside the encoder's square input, in pixels."""
    fine: Float[Tensor, "1 f q q"] | None = None
    """Features that outlines are drawn by, of models that do."""
    turns: dict[tuple[Any, ...], MaskPrediction] | None = None
    """What was said in dialogues about this picture, see `dialogue`; None: it is not kept."""


@dataclass(frozen=True)
class MaskPrediction:
    """Candidate masks of one prompt, best first."""

    masks: Bool[np.ndarray, "k h w"]
    """Masks at the picture's size."""
    scores: Float[np.ndarray, " k"]
    """Predicted IoU of each mask, descending."""
    logits: Float[np.ndarray, "k lh lw"]
    """Low-resolution mask logits, to be fed back as ``logits`` with the next prompt."""


@dataclass(frozen=True, eq=False)
class Question:
    """What `Segmenter.predict` is asked; its arguments say what each of them is."""

    points: Float[np.ndarray, "n 2"] | None = None
    labels: np.ndarray | None = None
    box: Float[np.ndarray, " 4"] | None = None
    logits: Float[np.ndarray, "lh lw"] | None = None
    multimask: bool = True

    @property
    def kind(self) -> tuple[int, bool, bool]:
        """Number of points, and whether there are a box and logits."""
        count = 0 if self.points is None else len(self.points)
        return count, self.box is not None, self.logits is not None

    @property
    def positive(self) -> Float[np.ndarray, "n 2"]:
        """Places of the clicks on the object."""
        if self.points is None or self.labels is None:
            return np.zeros((0, 2))
        return np.asarray(self.points, float)[np.asarray(self.labels) == 1]


@runtime_checkable
class Segmenter(Protocol):
    """A Segment Anything model of any size."""

    name: str
    """As `core.segmenters` has it."""

    def embed(
        self, image: UInt8[np.ndarray, "h w 3"], relief: Relief | None = None
    ) -> ImageEmbedding:
        """Encode a picture (sRGB bytes). The expensive part.

        Args:
            relief: the shape of what is seen, where a field is at hand. Segment Anything's own
                models do not use it.
        """
        ...

    def predict(
        self,
        embedding: ImageEmbedding,
        *,
        points: Float[np.ndarray, "n 2"] | None = None,
        labels: np.ndarray | None = None,
        box: Float[np.ndarray, " 4"] | None = None,
        logits: Float[np.ndarray, "lh lw"] | None = None,
        multimask: bool = True,
    ) -> MaskPrediction:
        """Cut out what the prompts mean.

        Args:
            points: pixel positions (x right, y down, origin top left of the picture).
            labels: 1 for "this belongs to the object", 0 for "this does not", one per point.
            box: x0, y0, x1, y1 in pixels.
            logits: one of the low-resolution logits of an earlier prediction on this embedding.
            multimask: three candidates (whole, part, subpart) when true, else a single one.
        """
        ...

    def predict_all(
        self, embedding: ImageEmbedding, questions: Sequence[Question]
    ) -> list[MaskPrediction]:
        """The answers of `predict` to several questions about one picture.

        Those that are alike in kind go through the decoder together.
        """
        ...
