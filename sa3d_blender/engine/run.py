"""One piece of work while it runs: how far it is, whether it was cancelled, how long it takes."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..core.errors import Cancelled

ProgressCallback = Callable[..., None]
"""Called with (stage, n, total, text)."""


@dataclass
class Run:
    """Progress, cancellation and timing of one piece of work."""

    on_progress: ProgressCallback = lambda stage, n, total, text: None
    is_cancelled: Callable[[], bool] = lambda: False
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    on_masks: Callable[..., None] = lambda picture, masks: None
    """Called with each view and its accepted masks; see `Previews.show`."""
    on_votes: Callable[..., None] = lambda field_, objects, views: None
    """Called after each view's votes; see `CoarseObjects.visited`."""

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] += time.perf_counter() - begin

    def progress(self, stage: str, n: int, total: int, text: str) -> None:
        """Tell how far a stage is; raises `Cancelled` when the user asked to stop."""
        self.check()
        self.on_progress(stage, n, total, text)

    def check(self) -> None:
        """Raise `Cancelled` when the user asked to stop."""
        if self.is_cancelled():
            raise Cancelled
