"""What a job is made of, and what the panels show of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from ...core.errors import Cancelled, UserError
from ...core.progress import Clock, in_words
from ..references import Reference

T = TypeVar("T")
Steps = Generator[bool, None, T]
"""Yields `MORE` when it could go on at once and `WAITING` when it cannot."""
MORE, WAITING = True, False


@dataclass
class Job(Generic[T]):
    """Something that takes longer than a click. The panels show it."""

    title: str
    steps: Steps[T]
    watched: tuple[Reference[Any], ...] = ()
    """Without these the job makes no sense."""
    wanted: Callable[[], bool] = lambda: True
    """Whether anybody still wants what it makes; cheap, asked at each step."""
    state: Literal["running", "done", "failed", "cancelled"] = "running"
    text: str = ""
    factor: float = 0.0
    result: T | None = None
    error: UserError | Cancelled | None = None
    request: int | None = None
    started_by: str = ""
    """The operator whose button was used; empty where a script began it."""
    entries: frozenset[str] = frozenset()
    """Keys of the objects that it cuts out."""
    gives_way: str = ""
    """What the artist can do meanwhile, as a sentence: clicks are answered, and another job that is
    begun ends it. Empty when everything has to wait for it."""
    cancelling: bool = False
    picture: str = ""
    """File of the view that was worked on last, where the engine shows it."""
    points: dict[str, str] = field(default_factory=dict)
    """Files of what is known of the objects so far, by name."""
    meshes: dict[str, str] = field(default_factory=dict)
    """Files of their first, coarse meshes, by name."""
    clock: Clock = field(default_factory=lambda: Clock(time.monotonic()))

    def show(self, progress: dict[str, Any]) -> None:
        """Take over what the engine says about its progress."""
        stage = str(progress.get("stage") or "")
        self.factor = self.clock.step(
            stage, int(progress.get("n") or 0), int(progress.get("total") or 1)
        )
        self.picture = str(progress.get("picture") or self.picture)
        self.points = dict(progress.get("points") or self.points)
        self.meshes = dict(progress.get("meshes") or self.meshes)
        if not self.cancelling:
            self.text = str(progress.get("text") or stage)

    @property
    def appearance(self) -> tuple[Any, ...]:
        """What a panel shows of it."""
        return self.state, self.text, self.factor, self.picture, self.time_left

    @property
    def time_left(self) -> str:
        """In words; empty while nobody can tell."""
        left = self.clock.left(time.monotonic())
        return in_words(left) if left is not None and not self.cancelling else ""
