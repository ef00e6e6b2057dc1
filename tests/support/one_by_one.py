"""What a stand-in for a segmenter answers to several questions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sa3d_blender.engine.segmenters.protocol import ImageEmbedding, MaskPrediction, Question


class OneByOne:
    """Has a ``predict`` of its own."""

    predict: Any

    def predict_all(
        self, embedding: ImageEmbedding, questions: Sequence[Question]
    ) -> list[MaskPrediction]:
        """One after the other."""
        return [self.predict(embedding, **vars(question)) for question in questions]
