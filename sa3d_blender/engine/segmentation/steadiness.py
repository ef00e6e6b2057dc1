"""When a run has looked enough: further views hardly change what is the object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool
from torch import Tensor

from .object_votes import ObjectVotes

LEAST_VIEWS = 8
"""Looked at before a run may end: once around the object."""
STILL = 0.02
"""Nodes that a view makes or unmakes the object's, over all that are, below which it changes
nothing."""
QUIET_VIEWS = 3
"""Views in a row that change nothing."""


@dataclass
class Steadiness:
    """Follows the votes of a run's objects."""

    changes: list[float] = field(default_factory=list)
    """By view: the largest change of any object, as a share of its nodes."""
    _before: list[Bool[Tensor, "x y z"]] = field(default_factory=list)

    def reached(self, objects: Sequence[ObjectVotes]) -> bool:
        """Whether the run can end; asked after each view.

        In a hazy field it never can, as outlines say the more, the more views there are.
        """
        now = [votes.positive for votes in objects]
        before = self._before or [torch.zeros_like(inside) for inside in now]
        self.changes.append(max(map(_change, before, now)))
        self._before = now
        enough = len(self.changes) >= LEAST_VIEWS and not any(votes.hazy for votes in objects)
        return enough and max(self.changes[-QUIET_VIEWS:]) < STILL


def _change(before: Bool[Tensor, ...], now: Bool[Tensor, ...]) -> float:
    """Nodes that differ over the object's; 1 where its region is another one."""
    if before.shape != now.shape:
        return 1.0
    return float((before != now).sum()) / max(1, int(now.sum()))
