"""Progress of a run on a terminal; silent when stderr is a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from ..run import Run


@contextmanager
def terminal_run() -> Iterator[Run]:
    """A `Run` that draws a bar for each stage, and another where one comes back."""
    current: list[tuple[str, tqdm]] = []

    def show(stage: str, n: int, total: int, text: str) -> None:
        if not current or current[0][0] != stage:
            end()
            bar = tqdm(total=total, desc=stage, disable=not sys.stderr.isatty())
            current.append((stage, bar))
        bar = current[0][1]
        bar.total = total
        bar.set_postfix_str(text, refresh=False)
        bar.update(n - bar.n)

    def end() -> None:
        while current:
            current.pop()[1].close()

    try:
        yield Run(on_progress=show)
    finally:
        end()
