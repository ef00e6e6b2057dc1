"""Ctrl+C reaches every process of a terminal; the one that was started there ends the others."""

from __future__ import annotations

import signal

from distributed import Worker, WorkerPlugin


class DeafToKeyboard(WorkerPlugin):
    """Has a worker leave Ctrl+C to the process that started it."""

    name = "sa3d-deaf-to-keyboard"

    def setup(self, worker: Worker) -> None:
        """Called in the worker's main thread."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
