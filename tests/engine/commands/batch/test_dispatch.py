"""Every job is run once, whatever becomes of workers; Dask's own scheduler, in this process."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import distributed
import psutil
import pytest

from sa3d_blender.core.batch.job import BatchJob
from sa3d_blender.core.errors import UserError
from sa3d_blender.engine.commands.batch.clusters import connected, local_cluster
from sa3d_blender.engine.commands.batch.dispatch import UNREAD, Dispatch
from sa3d_blender.engine.commands.batch.outcome import DONE, FAILED, Outcome
from tests.support.batch_work import (
    as_task,
    is_whole,
    made_up_job,
    misbehave,
    note_worker,
    write_slowly,
)

WITHOUT_SA3D = """
import sys

class Nowhere:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "sa3d_blender":
            raise ModuleNotFoundError(f"No module named {name!r}")

sys.meta_path.insert(0, Nowhere())
from distributed.cli.dask_worker import main
main(["--no-nanny", "--no-dashboard", "--host", "127.0.0.1", sys.argv[1]])
"""
Threads = Callable[[int], distributed.LocalCluster]


@pytest.fixture
def threads() -> Iterator[Threads]:
    """Starts a cluster whose workers are threads of this process."""
    clusters: list[distributed.LocalCluster] = []

    def start(workers: int) -> distributed.LocalCluster:
        clusters.append(
            distributed.LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=False, dashboard_address=None
            )
        )
        return clusters[-1]

    yield start
    for cluster in clusters:
        cluster.close()


def dispatched(
    client: distributed.Client,
    jobs: list[BatchJob],
    work: Callable[[dict[str, Any]], dict[str, Any]],
    most_workers: int | None = None,
    **told: Any,
) -> dict[str, Outcome]:
    """How each job went; each is told once."""
    outcomes: list[tuple[str, Outcome]] = []
    Dispatch(
        client,
        work,
        lambda job: as_task(job, **told),
        lambda job, outcome: outcomes.append((job.name, outcome)),
        most_workers=most_workers,
    ).run(jobs)
    assert len(dict(outcomes)) == len(outcomes), "a job was told twice"
    return dict(outcomes)


def jobs_of(*checkpoints: str, each: int) -> list[BatchJob]:
    return [made_up_job(f"{scene}{n}", scene) for n in range(each) for scene in checkpoints]


def test_all_jobs_are_done_and_a_checkpoint_stays_with_its_worker(threads: Threads) -> None:
    with distributed.Client(threads(4), set_as_default=False) as client:
        jobs = jobs_of("a", "b", "c", "d", each=6)
        outcomes = dispatched(client, jobs, note_worker, seconds=0.02)
    assert set(outcomes) == {job.name for job in jobs}
    assert {outcome.result for outcome in outcomes.values()} == {DONE}
    loads = {(job.checkpoint, outcomes[job.name].worker) for job in jobs}
    assert len({worker for _, worker in loads}) == 4
    assert len(loads) <= 8, "four, and a helper at the end of each"


def test_no_more_workers_than_asked(threads: Threads) -> None:
    with distributed.Client(threads(3), set_as_default=False) as client:
        outcomes = dispatched(client, jobs_of("a", "b", each=4), note_worker, 2, seconds=0.01)
    assert len({outcome.worker for outcome in outcomes.values()}) == 2


def test_jobs_that_fail_do_not_stop_the_others(threads: Threads) -> None:
    jobs = [made_up_job(name) for name in ("fails", "one", "raises", "two", "unseen by all")]
    jobs.append(made_up_job("unseen by the first"))
    with distributed.Client(threads(2), set_as_default=False) as client:
        first = sorted(client.nthreads())[0]
        outcomes = dispatched(client, jobs, misbehave, first=first)
    assert outcomes["fails"].error == "It has no surface."
    assert outcomes["raises"].error == "Its worker failed (ZeroDivisionError: of a worker)."
    assert outcomes["unseen by all"].error == "It sees no /nas/a.th."
    assert outcomes["unseen by the first"].result == DONE
    assert outcomes["unseen by the first"].worker != first
    assert (outcomes["one"].result, outcomes["two"].result) == (DONE, DONE)


def test_a_worker_of_another_version_is_left_out(threads: Threads) -> None:
    with distributed.Client(threads(2), set_as_default=False) as client:
        first = sorted(client.nthreads())[0]
        outcomes = dispatched(client, jobs_of("a", "b", each=3), misbehave, first=first, unfit=True)
    assert {outcome.result for outcome in outcomes.values()} == {DONE}
    assert first not in {outcome.worker for outcome in outcomes.values()}


def test_a_worker_without_sa3d_says_so_and_lives() -> None:
    with (
        distributed.LocalCluster(n_workers=0, protocol="tcp://", dashboard_address=None) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
        subprocess.Popen(
            [sys.executable, "-c", WITHOUT_SA3D, cluster.scheduler_address],
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        try:
            client.wait_for_workers(1, timeout=60)
            outcomes = dispatched(client, jobs_of("a", each=2), note_worker)
            assert process.poll() is None
        finally:
            process.kill()
    assert {outcome.result for outcome in outcomes.values()} == {FAILED}
    for outcome in outcomes.values():
        assert "No worker can run it. tcp://127.0.0.1:" in outcome.error
        assert "It has no sa3d (ModuleNotFoundError" in outcome.error


def test_a_scheduler_without_sa3d_is_one_sentence(
    threads: Threads, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"{UNREAD}. This frequently\noccurs if ..."
    with distributed.Client(threads(1), set_as_default=False) as client:

        def refuse(*_: Any, **__: Any) -> None:
            raise RuntimeError(said)

        monkeypatch.setattr(distributed.Future, "result", refuse)
        with pytest.raises(UserError, match="The scheduler's Python has no sa3d of this version"):
            dispatched(client, jobs_of("a", each=1), note_worker)
        said = "two\nlines"
        (outcome,) = dispatched(client, jobs_of("a", each=1), note_worker).values()
        assert outcome.error == "Its worker failed (RuntimeError: two lines)."


def test_where_no_worker_can_run_a_job_it_says_why(threads: Threads) -> None:
    with distributed.Client(threads(1), set_as_default=False) as client:
        (first,) = client.nthreads()
        outcomes = dispatched(client, jobs_of("a", each=2), misbehave, first=first, unfit=True)
    assert {outcome.result for outcome in outcomes.values()} == {FAILED}
    for outcome in outcomes.values():
        assert outcome.error == (
            f"No worker can run it. {first}: Its sa3d is 0.0.9, and here it is 0.1.0."
        )


def test_a_scheduler_that_goes_is_one_sentence(threads: Threads) -> None:
    cluster = threads(1)
    with distributed.Client(cluster, set_as_default=False) as client:
        threading.Timer(0.5, cluster.close).start()
        with pytest.raises(UserError, match="The scheduler is gone"):
            dispatched(client, jobs_of("a", each=500), note_worker, seconds=0.1)


def test_a_scheduler_that_is_not_there_is_one_sentence() -> None:
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        with pytest.raises(UserError, match="No Dask scheduler answers"), connected(address):
            pass


def test_a_worker_that_dies_while_it_starts_is_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And a cluster that does not close in time, as while it starts a worker, is no failure."""
    close = distributed.SpecCluster.close

    def close_late(cluster: distributed.SpecCluster, timeout: float | None = None) -> None:
        close(cluster, timeout)
        raise TimeoutError

    def kill_first() -> None:
        while not (found := [c for c in psutil.Process().children() if "spawn_main" in said(c)]):
            time.sleep(0.02)
        found[0].kill()

    def said(process: psutil.Process) -> str:
        return " ".join(process.cmdline()) if process.is_running() else ""

    killer = threading.Thread(target=kill_first)
    killer.start()
    with local_cluster(1) as client:
        assert len(client.nthreads()) == 1
        monkeypatch.setattr(distributed.SpecCluster, "close", close_late)
    killer.join()


def test_workers_that_die_lose_nothing(tmp_path: Path) -> None:
    """Real processes, of which one is killed at a random moment, and one kills itself each time."""
    jobs = [made_up_job(f"{scene}{n}", scene) for n in range(8) for scene in "ab"]
    told = {"out": str(tmp_path / "out"), "log": str(tmp_path / "log"), "seconds": 0.3}
    with local_cluster(2) as client:
        victims = [pid for pid in client.run(os.getpid).values() if pid != os.getpid()]
        threading.Timer(random.uniform(0.1, 2.0), os.kill, (victims[0], signal.SIGKILL)).start()
        outcomes = dispatched(client, jobs, write_slowly, **told)
        deadly = dispatched(client, [made_up_job("kills")], misbehave, first="")
    assert {outcome.result for outcome in outcomes.values()} == {DONE}
    begun = Counter((tmp_path / "log").read_text().split()[1::2])
    assert set(begun) == {job.name for job in jobs}
    assert sum(begun.values()) <= len(jobs) + 1, "but for the one that was lost, none ran twice"
    assert all(is_whole(tmp_path / "out" / job.name) for job in jobs)
    assert "workers died while it ran" in deadly["kills"].error
    while any(map(_runs, victims)):
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
