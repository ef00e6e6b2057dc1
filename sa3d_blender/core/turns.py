"""One queue of everybody who wants something of Blender's main thread, the most urgent first.

No bpy: one timer calls `Turns.turn`, and tests call it by hand.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

log = logging.getLogger(__name__)

Look = Callable[[], float | None]
"""Says what it wants, takes what came; returns the seconds until its next turn, or None when it
wants nothing more until it is woken."""


class Urgency(IntEnum):
    """Who goes first; the engine lets what is less urgent than a new request make way."""

    CLICK = 0
    JOB = 1
    FOLLOW = 2
    POINTS = 3
    WATCH = 4
    """Wants nothing of the engine, only looks whether something has changed."""


@dataclass
class _Asker:
    urgency: Urgency
    due: float | None
    """When its next turn is; None while it wants nothing."""


class Turns:
    """Gives everybody who is due a turn, the most urgent first, within a budget.

    Args:
        budget: seconds of a turn after which the less urgent wait for the next one.
        patience: seconds after which they wait no longer.
        now: the clock.
    """

    def __init__(
        self,
        *,
        budget: float = 0.02,
        patience: float = 0.5,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget, self._patience, self._now = budget, patience, now
        self._askers: dict[Look, _Asker] = {}
        self.under_way = False
        """Whether `turn` is just running: who is woken by it needs no timer of its own."""

    def wake(self, look: Look, urgency: Urgency, *, after: float = 0.0) -> None:
        """Give it a turn in so many seconds, or earlier where it has one coming."""
        due = self._now() + after
        known = self._askers.get(look)
        if known is not None and known.due is not None:
            due = min(due, known.due)
        self._askers[look] = _Asker(urgency, due)

    def leave(self, look: Look) -> None:
        """Give it no more turns."""
        self._askers.pop(look, None)

    def knows(self, look: Look) -> bool:
        """Whether somebody was woken and has not left."""
        return look in self._askers

    def until_next(self) -> float | None:
        """Seconds until somebody is due; None while nobody wants anything."""
        dues = [asker.due for asker in self._askers.values() if asker.due is not None]
        return max(0.0, min(dues) - self._now()) if dues else None

    def turn(self) -> float | None:
        """One round; returns `until_next`. Who fails is logged and looks again a second later."""
        began = self._now()
        due = [
            (asker.urgency, asker.due, look)
            for look, asker in self._askers.items()
            if asker.due is not None and asker.due <= began
        ]
        self.under_way = True
        try:
            for _, since, look in sorted(due, key=lambda one: one[:2]):
                spent, waited = self._now() - began, began - since
                if spent < self._budget or waited >= self._patience:
                    self._give(look)
        finally:
            self.under_way = False
        return self.until_next()

    def _give(self, look: Look) -> None:
        asker = self._askers.get(look)
        if asker is None:  # it left during this turn
            return
        asker.due = None
        try:
            after = look()
        except Exception:
            log.exception("A turn failed")
            after = 1.0
        if after is not None and look in self._askers:
            self.wake(look, asker.urgency, after=after)
