"""Where a click of the artist helps most: the views whose masks disagree with all others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MOST = 5
"""Views that are named of an object."""
AGREES = 0.85
"""Agreement of a view's mask with the other views (IoU over what they know) that is good enough."""


def disagreeing(name: str, views: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The views that disagree most about an object, the worst first, at most `MOST`.

    Args:
        views: a run's report of its views, as `pipeline.segment` gives it.

    Returns:
        ``{view, camera, agreement, reason}`` each: the view's number in the report, its camera as
        JSON in the field frame, the agreement from 0 to 1, and why in words.
    """
    doubtful = []
    for view in views:
        cut = view["objects"].get(name)
        if cut is None or not cut["seen"] or (cut["accepted"] and cut["iou"] >= AGREES):
            continue
        doubtful.append((cut["accepted"], cut["iou"], view, cut["reason"] or _in_part(cut["iou"])))
    doubtful.sort(key=lambda entry: entry[:2])
    return [
        {"view": view["view"], "camera": view["camera"], "agreement": agreement, "reason": reason}
        for _, agreement, view, reason in doubtful[:MOST]
    ]


def _in_part(agreement: float) -> str:
    return f"the mask agrees with the other views only in part (IoU {agreement:.2f})"
