"""Waiting for something that others bring about."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(met: Callable[[], object], *ticks: Callable[[], object]) -> None:
    """Call the ticks until a condition is met; fails after half a minute."""
    end = time.monotonic() + 30
    while not met():
        assert time.monotonic() < end
        for tick in ticks:
            tick()
        time.sleep(0.002)
