"""Independent pieces of work on several processor cores.

torch spreads single operations over cores. For the many small operations of ray marching that is
slow, and very slow when other programs want the cores too, because each operation then waits for
its slowest part. Whole chunks of rays on one core each have nothing to wait for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], *, device: torch.device
) -> Iterator[Result]:
    """Results of ``work`` in the items' order; on a CPU, one single-threaded worker per core.

    Only a few results wait to be taken. An exception in one piece of work is raised here and the
    pieces not yet begun are dropped.
    """
    workers = torch.get_num_threads() if device.type == "cpu" else 1
    if workers == 1:
        yield from map(work, items)
        return
    pool = ThreadPoolExecutor(workers)
    try:
        _use_one_core_each(pool, workers)
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def one_ahead(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Results of ``work`` in the items' order; each is made while the one before is being used.

    When the caller stops early, the piece under way is waited for and thrown away.
    """
    cores = torch.get_num_threads()
    with ThreadPoolExecutor(1, initializer=torch.set_num_threads, initargs=(cores,)) as background:
        upcoming: Future[Result] | None = None
        for item in items:
            current, upcoming = upcoming, background.submit(work, item)
            if current is not None:
                yield current.result()
        if upcoming is not None:
            yield upcoming.result()


@contextmanager
def one_core() -> Iterator[None]:
    """Keep torch's operations of the calling thread on one core for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _use_one_core_each(pool: ThreadPoolExecutor, workers: int) -> None:
    """Make torch single-threaded in each thread of the pool and only there.

    torch's setting holds for the calling thread, but is also the start value of threads to come;
    setting it again afterwards restores that.
    """
    barrier = Barrier(workers)

    def limit() -> None:
        torch.get_num_threads()  # a thread's first call takes over the start value
        torch.set_num_threads(1)
        barrier.wait()

    for future in [pool.submit(limit) for _ in range(workers)]:
        future.result()
    torch.set_num_threads(workers)
