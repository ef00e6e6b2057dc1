"""How sure a run is of an object: the share of the views whose masks agreed on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .shape_doubt import Shape

SURE = 0.75
"""Share of views from which on nothing needs to be said."""


@dataclass(frozen=True)
class Confidence:
    """How many views agree on an object.

    The artist's own pictures are not counted, as they cannot disagree.
    """

    agreed: int
    """Views whose masks voted."""
    seen: int
    """Views in which the object was to be seen."""

    @staticmethod
    def of(name: str, views: Sequence[dict[str, Any]]) -> Confidence:
        """The confidence in an object, by a run's report of its views from `pipeline.segment`."""
        told = [view["objects"][name] for view in views if name in view["objects"]]
        seen = [cut for cut in told if cut["seen"] and not cut["artist"]]
        return Confidence(sum(cut["accepted"] for cut in seen), len(seen))

    @property
    def share(self) -> float:
        """From 0 to 1; 0 where no view but the artist's own shows the object."""
        return self.agreed / self.seen if self.seen else 0.0

    def note(self, name: str) -> str:
        """A sentence for the artist; empty where there is no reason to doubt the object."""
        if self.share >= SURE:
            return ""
        if not self.seen:
            return f"{name!r} is only known from where it was clicked; add a point in another view."
        return (
            f"Only {self.agreed} of {self.seen} views agree on what {name!r} is; what was made is "
            "the best estimate, add points where it is wrong."
        )

    def to_json(self, name: str, shape: Shape) -> dict[str, Any]:
        """What is told of an object with its mesh.

        Args:
            name: the object's.
            shape: of what was found; loose blobs are doubtful even where all views agree.
        """
        share = min(self.share, shape.largest) if shape.is_rubbish else self.share
        return {"confidence": round(share, 3), "note": shape.note(name) or self.note(name)}
