"""Progress of a run on a terminal; silent when stderr is a file or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tqdm import tqdm

from ..segmentation.report import Run


@contextmanager
def terminal_run() -> Iterator[Run]:
    """A `Run` that draws one bar per stage."""
    bars: dict[str, tqdm] = {}

    def show(stage: str, n: int, total: int, text: str) -> None:
        if stage not in bars:
            for bar in bars.values():
                bar.close()
            bars[stage] = tqdm(total=total, desc=stage, disable=not sys.stderr.isatty())
        bar = bars[stage]
        bar.total = total
        bar.set_postfix_str(text, refresh=False)
        bar.update(n - bar.n)

    try:
        yield Run(on_progress=show)
    finally:
        for bar in bars.values():
            bar.close()
