"""What the pipeline needs from a 2D promptable segmenter: embed once, answer often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from ...core.prompts import Prompt
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
    solid: Bool[np.ndarray, "h w"] | None = None
    """Where the picture of a field shows anything but its background; None of photographs."""


@dataclass(frozen=True)
class MaskPrediction:
    """Candidate masks of one prompt, best first."""

    masks: Bool[np.ndarray, "k h w"]
    """Masks at the picture's size."""
    scores: Float[np.ndarray, " k"]
    """Predicted IoU of each mask, descending."""
    logits: Float[np.ndarray, "k lh lw"]
    """Low-resolution mask logits, to be fed back as the next prompt's ``logits``."""


@runtime_checkable
class Segmenter(Protocol):
    """A Segment Anything model of any size."""

    name: str
    """Name in `core.segmenters`."""

    def embed(
        self, image: UInt8[np.ndarray, "h w 3"], relief: Relief | None = None
    ) -> ImageEmbedding:
        """Encode a picture (sRGB bytes). The expensive part.

        Args:
            relief: normal and relative depth of every pixel, where a field is at hand. Segment
                Anything's own models do not use it.
        """
        ...

    def predict(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[MaskPrediction]:
        """Cut out what each of several prompts about one picture means.

        Those that are alike in kind go through the decoder together.
        """
        ...
