"""What stands free: of a click's candidates, the whole of a thing that has nothing around it.

A thing of many parts has a mask for each of them, and the model's scores hardly tell which is
meant. Where a field has nothing around the thing, as scenes on white have, its outline is known:
who clicks on it once means all of it, unless the model is much surer of a part.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool
from scipy import ndimage

from ...core.prompts import OBJECT, Prompt
from .protocol import ImageEmbedding, MaskPrediction

SAME_OUTLINE = 0.8
"""IoU with what stands free from which on a candidate is taken for the whole of it."""
LEAD = 0.05
"""By so much more than the whole a part's predicted IoU may be, and the whole is still meant."""


def standing_first(
    answer: MaskPrediction, embedding: ImageEmbedding, question: Prompt
) -> MaskPrediction:
    """Candidates with the whole of what stands free first, if one click is all that was said.

    Args:
        answer: to the question, about the picture of the embedding.

    Returns:
        The same candidates; scores still descend, as `consensus.best_first` has them.
    """
    if embedding.solid is None or question.labels != (OBJECT,) or question.box is not None:
        return answer
    free = standing_free(embedding.solid, question)
    if free is None:
        return answer
    alike = [
        np.count_nonzero(mask & free) / max(1, np.count_nonzero(mask | free))
        for mask in answer.masks
    ]
    pick = int(np.argmax(alike))
    if alike[pick] < SAME_OUTLINE or answer.scores[pick] < answer.scores[0] - LEAD:
        return answer
    order = [pick, *(n for n in range(len(alike)) if n != pick)]
    scores = np.minimum.accumulate(answer.scores[order])
    return MaskPrediction(answer.masks[order], scores, answer.logits[order])


def standing_free(
    solid: Bool[np.ndarray, "h w"], question: Prompt
) -> Bool[np.ndarray, "h w"] | None:
    """The connected component of a picture's solid pixels under a click.

    None where that reaches the picture's rim, so that it may go on, or where nothing is.
    """
    pieces, _ = ndimage.label(solid)
    x, y = question.points[0]
    height, width = pieces.shape
    piece = pieces[min(int(y), height - 1), min(int(x), width - 1)]
    rim = np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]])
    return None if piece == 0 or piece in rim else np.asarray(pieces == piece)
