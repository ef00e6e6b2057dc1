"""What a stand-in for a segmenter answers to several prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sa3d_blender.core.prompts import Prompt
from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction


class OneByOne:
    """Has an ``answer`` of its own to a single prompt."""

    answer: Any

    def predict(self, embedding: ImageEmbedding, prompts: Sequence[Prompt]) -> list[MaskPrediction]:
        """One after the other."""
        return [self.answer(embedding, prompt) for prompt in prompts]
