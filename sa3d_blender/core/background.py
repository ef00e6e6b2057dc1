"""Long work on another thread: it reports how far it is, and stops when it is asked to."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from .errors import Cancelled, UserError

T = TypeVar("T")
Stage = Literal["download", "python", "install", "verify", "remove"]
_STAGES: dict[Stage, str] = {
    "download": "Downloading",
    "python": "Preparing Python",
    "install": "Installing",
    "verify": "Checking",
    "remove": "Removing",
}

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """How far the work is."""

    stage: Stage
    done: int = 0
    """Bytes for downloads, else steps."""
    total: int = 0
    """0 where nobody knows."""

    @property
    def factor(self) -> float:
        """From 0 to 1; 0 where the total is not known."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def text(self) -> str:
        """For the artist."""
        name = _STAGES[self.stage]
        if self.stage != "download" or not self.total:
            return name
        return f"{name} {shown_bytes(self.done)} of {shown_bytes(self.total)}"


class Watch:
    """What the work holds: it says how far it is, and hears whether to stop.

    Args:
        on_progress: called on the working thread.
    """

    def __init__(self, on_progress: Callable[[Progress], None] = lambda _progress: None) -> None:
        self._on_progress = on_progress
        self.note = ""
        """What did not go as wished although the work succeeds, in a sentence for the artist."""
        self._stop = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop; any thread may."""
        self._stop.set()

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self._stop.is_set()

    def report(self, progress: Progress) -> None:
        """Say how far the work is. Raises Cancelled when it should stop."""
        self._on_progress(progress)
        self.check()

    def check(self) -> None:
        """Raises Cancelled when the work should stop."""
        if self.cancelled:
            raise Cancelled("Stopped.")

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Cancelled as soon as the work should stop."""
        self._stop.wait(seconds)
        self.check()


class BackgroundTask(Generic[T]):
    """Work on a thread of its own, started at once.

    Args:
        title: what the artist sees.
        work: gets the `Watch`; its result becomes `result`.
    """

    def __init__(self, title: str, work: Callable[[Watch], T]) -> None:
        self.title = title
        self.progress: Progress | None = None
        self.state: Literal["running", "done", "failed", "cancelled"] = "running"
        self.result: T | None = None
        self.error: UserError | Cancelled | None = None
        self._watch = Watch(self._show)
        self._thread = threading.Thread(target=self._run, args=(work,), name="sa3d", daemon=True)
        self._thread.start()

    @property
    def cancelling(self) -> bool:
        """Whether it was asked to stop and has not yet."""
        return self._watch.cancelled and self.state == "running"

    @property
    def note(self) -> str:
        """What did not go as wished although it succeeded; see `Watch`."""
        return self._watch.note

    @property
    def text(self) -> str:
        """How far it is, for the artist."""
        if self.cancelling:
            return "Stopping"
        return self.progress.text if self.progress else "Starting"

    def cancel(self) -> None:
        """Ask it to stop; does not wait."""
        self._watch.cancel()

    def join(self, seconds: float | None = None) -> None:
        """Wait for its end, at most so long."""
        self._thread.join(seconds)

    def wait(self, on_progress: Callable[[Progress], None] = lambda _progress: None) -> T:
        """Wait for the result. Raises what the work raised; an interrupt stops the work."""
        seen: Progress | None = None
        try:
            while self._thread.is_alive():
                self._thread.join(0.05)
                if self.progress is not None and self.progress != seen:
                    seen = self.progress
                    on_progress(seen)
        except BaseException:
            self.cancel()
            raise
        if self.error is not None:
            raise self.error
        return self.result  # type: ignore[return-value]

    def _show(self, progress: Progress) -> None:
        self.progress = progress

    def _run(self, work: Callable[[Watch], T]) -> None:
        try:
            self.result = work(self._watch)
            self.state = "done"
        except Cancelled as error:
            self.error, self.state = error, "cancelled"
        except UserError as error:
            self.error, self.state = error, "failed"
        except Exception as error:
            log.exception("%s failed", self.title)
            self.error = UserError(f"{self.title} failed ({error}); the console says more.")
            self.state = "failed"


class Pace:
    """Lets a report through only every so often, as thousands in a second help nobody."""

    def __init__(self, seconds: float = 0.1) -> None:
        self._seconds = seconds
        self._next = 0.0

    def due(self) -> bool:
        """Whether it is time again."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


def shown_bytes(count: int) -> str:
    """A size as people read it: ``12 KB``, ``358 MB``, ``2.8 GB``."""
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    if count >= 1e6:
        return f"{count / 1e6:.0f} MB"
    return f"{count / 1e3:.0f} KB"
