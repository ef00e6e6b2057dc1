"""How far a run is over all its stages, and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass

SHARES = {"load": 0.04, "view": 0.66, "refine": 0.14, "surface": 0.16}
"""Share of the time of a ``segment`` job that each stage takes, in order, as measured on a CPU."""
SURE_AFTER = 2.0
"""Seconds before which a guess of the rest would be a lottery."""
SURE_FROM = 0.06
"""Least part done for such a guess."""


def part_done(stage: str, n: int, total: int) -> float:
    """The part of a whole job, in [0, 1], that is done when step ``n`` of a stage begins.

    Steps count from 1; a stage that is not in `SHARES` is a job of its own.
    """
    within = min(1.0, max(0.0, (n - 1) / max(1, total)))
    if stage not in SHARES:
        return min(1.0, max(0.0, n / max(1, total)))
    before = 0.0
    for name, share in SHARES.items():
        if name == stage:
            return before + share * within
        before += share
    return before


@dataclass
class Clock:
    """Follows one job; times are in seconds of any clock."""

    began: float
    done: float = 0.0
    ends: float | None = None
    """When the job is expected to end, where it says so itself."""

    def step(self, stage: str, n: int, total: int) -> float:
        """Take over the engine's progress; returns the part done, which never falls."""
        self.done = max(self.done, part_done(stage, n, total))
        return self.done

    def left(self, now: float) -> float | None:
        """Seconds still to go, or None while nobody can tell."""
        if self.ends is not None:
            return max(0.0, self.ends - now)
        passed = now - self.began
        if passed < SURE_AFTER or self.done < SURE_FROM:
            return None
        return passed * (1 - self.done) / self.done


def in_words(seconds: float) -> str:
    """A time left for people: ``12 s left``, ``3 min left``."""
    if seconds < 10:
        return f"{max(1, round(seconds))} s left"
    if seconds < 57:
        return f"{5 * round(seconds / 5)} s left"
    return f"{max(1, round(seconds / 60))} min left"
