"""How a batch scales and what it survives; the figures of docs/batch.md.

    .venv/bin/python scripts/benchmark_batch.py throughput|simulated|killed [--out FILE.json]

``throughput``: the bundled scene's objects, by 1 and by 2 workers on this computer.
``simulated``: clusters of 1 to 256 workers that sleep for the stages that ``--seconds LOAD,JOB``
names, as ``throughput`` measured them.
``killed``: runs in which one of two workers is killed at a random moment.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import dask
import distributed
import psutil
import torch
from environment import ROOT

sys.path.insert(0, str(ROOT))

from sa3d_blender.core.batch.job import BatchJob
from sa3d_blender.core.batch.jobs_file import append_job
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.engine.commands import cli
from sa3d_blender.engine.commands.batch.dispatch import Dispatch
from sa3d_blender.engine.commands.batch.outcome import DONE, Outcome
from sa3d_blender.engine.mask_grids.result import SegmentResult

SCENE = ROOT / "tests" / "data" / "tabletop"
CLICKS = {"animal": [111.5, 82.5], "crate": [67.5, 111.5]}
SIZES = (1, 4, 16, 64, 256)
JOBS_PER_WORKER = 10
JOBS_PER_CHECKPOINT = 5
QUIET = {
    "distributed.worker.profile.enabled": False,
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.tick.interval": "1s",
}
"""Of simulated workers: all are one process here, so none watches itself as it would elsewhere."""
TINY = {"settings": {"views": 2, "view_size": 64}, "mesh": {"resolution": 32}}


def main() -> int:
    """Measure what is asked for; the exit code is 1 when something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("throughput", "simulated", "killed"))
    parser.add_argument("--out", type=Path, metavar="FILE.json")
    parser.add_argument("--jobs", type=int, default=8, help="of throughput and killed")
    parser.add_argument("--runs", type=int, default=20, help="of killed")
    parser.add_argument("--seed", type=int, default=0, help="of killed")
    parser.add_argument("--seconds", default="0.5,6", metavar="LOAD,JOB", help="of simulated")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="of simulated")
    options = parser.parse_args()
    measured = {"throughput": throughput, "simulated": simulated, "killed": killed}[options.what](
        options
    )
    if options.out is not None:
        options.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    return int(any(run.get("lost") or run.get("half_written") for run in measured))


def throughput(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Jobs an hour by the number of workers, with the default settings."""
    found = []
    for workers in (1, 2):
        summary, folder = run_jobs(options.jobs, workers, {})
        shutil.rmtree(folder.parent)
        jobs = [job["seconds"] for job in summary["jobs"]]
        first = min(job["begun"] for job in summary["told"])
        span = max(job["ended"] for job in summary["told"]) - first
        found.append(
            {
                "workers": workers,
                "jobs": len(jobs),
                "seconds": round(summary["seconds"], 1),
                "seconds_at_work": round(span, 1),
                "jobs_per_hour_at_work": round(3600 * len(jobs) / span),
                "load": round(max(job.get("load", 0.0) for job in jobs), 2),
                "job": round(sum(j["total"] - j.get("load", 0) for j in jobs) / len(jobs), 2),
            }
        )
        print(found[-1], flush=True)
    return found


def killed(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Runs with two workers, one of which dies at a random moment of the time that a run takes.

    A run that ended before its moment came is made again.
    """
    usual, folder = run_jobs(options.jobs, 2, TINY)
    shutil.rmtree(folder.parent)
    print(f"undisturbed: {usual['seconds']:.1f} s", flush=True)
    found: list[dict[str, Any]] = []
    chance = random.Random(options.seed)
    while len(found) < options.runs:
        killer = Killer(chance, usual["seconds"])
        killer.start()
        summary, folder = run_jobs(options.jobs, 2, TINY)
        killer.is_over.set()
        killer.join()
        if killer.after is not None:
            names = [job["name"] for job in summary["jobs"]]
            run = {
                "killed_after": killer.after,
                "lost": sum(job["result"] != DONE for job in summary["jobs"]),
                "half_written": sum(not is_whole(folder / name) for name in names),
                "left_over": len(list(folder.glob(".*.part"))),
                "seconds": round(summary["seconds"], 1),
            }
            found.append(run)
            print(len(found), run, flush=True)
        shutil.rmtree(folder.parent)
    return found


class Killer(threading.Thread):
    """Kills a worker's process with no warning, once, at a random moment after it was started."""

    def __init__(self, chance: random.Random, seconds: float) -> None:
        super().__init__(daemon=True)
        self.is_over = threading.Event()
        self.after: float | None = None
        """Seconds from the workers' start to the kill; None where the run was over by then."""
        self._chance, self._moment = chance, chance.uniform(0, seconds)

    def run(self) -> None:
        """Wait for the workers, then for the moment."""
        while not workers_here():
            if self.is_over.wait(0.05):
                return
        if not self.is_over.wait(self._moment):
            there = workers_here()
            if there:
                self._chance.choice(there).kill()
                self.after = round(self._moment, 1)


def workers_here() -> list[psutil.Process]:
    """The processes of the cluster's workers on this computer."""
    return [child for child in psutil.Process().children() if "spawn_main" in command(child)]


def command(process: psutil.Process) -> str:
    """A process's command line; empty when it is gone."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def run_jobs(count: int, workers: int, settings: dict[str, Any]) -> tuple[dict[str, Any], Path]:
    """Run jobs on the bundled scene by the command; what ``batch.json`` says, and its folder."""
    folder = Path(tempfile.mkdtemp(prefix="sa3d_batch_"))
    for number in range(count):
        name, click = list(CLICKS.items())[number % len(CLICKS)]
        job = {
            "name": f"{name} {number}",
            # a scene of its own for each pair of objects
            "checkpoint": str(scene(folder, number // len(CLICKS))),
            "cameras": str(SCENE / "transforms_test.json"),
            "size": "200x200",
            "objects": [{"name": name, "points": [click], "labels": [1]}],
        }
        append_job(folder / "JOBS.toml", job | settings)
    arguments = ["batch", str(folder / "JOBS.toml"), "--out", str(folder / "out")]
    cli.main([*arguments, "--workers", str(workers)])
    summary = json.loads((folder / "out" / "batch.json").read_text(encoding="utf-8"))
    summary["told"] = [times(folder / "out" / job["name"]) for job in summary["jobs"]]
    shutil.rmtree(folder / "scenes")
    return summary, folder / "out"


def scene(folder: Path, number: int) -> Path:
    """A copy of the bundled checkpoint."""
    path = folder / "scenes" / f"{number}.th"
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        shutil.copy(SCENE / "tabletop.th", path)
    return path


def times(folder: Path) -> dict[str, float]:
    """When a job ended, by its report's file, and when it began."""
    report = folder / "report.json"
    if not report.is_file():
        return {"begun": 0.0, "ended": 0.0}
    ended = report.stat().st_mtime
    total = json.loads(report.read_text(encoding="utf-8"))["seconds"]["total"]
    return {"begun": ended - total, "ended": ended}


def is_whole(folder: Path) -> bool:
    """Whether a job's folder is missing, or has all its files, and each can be read."""
    if not folder.exists():
        return True
    try:
        SegmentResult.load(folder / "result.npz", device=torch.device("cpu"))
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        for entry in report["objects"]:
            MeshData.load(Path(entry["mesh"]))
            if Path(entry["glb"]).stat().st_size < 1000:
                return False
    except (UserError, OSError, ValueError, KeyError):
        return False
    return True


def simulated(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Efficiency: the least possible time over the time that it took."""
    load, work = (float(part) for part in options.seconds.split(","))
    found = []
    for workers in options.sizes:
        jobs = [made_up_job(n) for n in range(workers * JOBS_PER_WORKER)]
        done: list[Outcome] = []
        with (
            dask.config.set(QUIET),
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=False,
                dashboard_address=None,
                memory_limit=0,  # all are this process
            ) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            begin = time.monotonic()
            Dispatch(
                client,
                sleep,
                lambda job: {"checkpoint": str(job.checkpoint), "load": load, "work": work},
                lambda _job, outcome, done=done: done.append(outcome),
            ).run(jobs)
            seconds = time.monotonic() - begin
        least = (len(jobs) * work + len(jobs) / JOBS_PER_CHECKPOINT * load) / workers
        loads = sum("load" in outcome.seconds for outcome in done)
        found.append(
            {
                "workers": workers,
                "jobs": len(done),
                "seconds": round(seconds, 2),
                "least": round(least, 2),
                "efficiency": round(least / seconds, 3),
                "loads_per_checkpoint": round(loads * JOBS_PER_CHECKPOINT / len(jobs), 2),
            }
        )
        print(found[-1], flush=True)
    return found


def made_up_job(number: int) -> BatchJob:
    """A job of a checkpoint that is not there."""
    table = {
        "name": f"job {number}",
        "checkpoint": f"{number // JOBS_PER_CHECKPOINT}.th",
        "cameras": "cameras.json",
        "objects": [{"name": "mug", "points": [[1.0, 1.0]]}],
    }
    return BatchJob.from_json(table, Path("/nowhere"))


def sleep(task: dict[str, Any]) -> dict[str, Any]:
    """A simulated worker's job: it loads what it does not hold, and works."""
    worker = distributed.get_worker()
    seconds = {"work": task["work"]}
    if getattr(worker, "checkpoint", None) != task["checkpoint"]:
        worker.checkpoint = task["checkpoint"]  # this module's own would be copied with each task
        seconds["load"] = task["load"]
    time.sleep(sum(seconds.values()))
    return Outcome(DONE, seconds=seconds, worker=worker.address).to_json()


if __name__ == "__main__":
    sys.exit(main())
