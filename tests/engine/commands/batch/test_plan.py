"""Which job a worker gets next."""

from __future__ import annotations

from pathlib import Path

from sa3d_blender.core.batch.job import BatchJob
from sa3d_blender.engine.commands.batch.plan import Plan
from tests.support.batch_work import made_up_job


def jobs(**counts: int) -> list[BatchJob]:
    """So many of each checkpoint, mixed."""
    listed = [(n, scene) for scene, count in counts.items() for n in range(count)]
    return [made_up_job(f"{scene}{n}", scene) for n, scene in sorted(listed)]


def taken(plan: Plan, worker: str) -> str:
    job = plan.take(worker)
    return "" if job is None else job.name


def test_a_worker_stays_with_its_checkpoint() -> None:
    plan = Plan(jobs(a=3, b=2))
    assert [taken(plan, "one") for _ in range(6)] == ["a0", "a1", "a2", "b0", "b1", ""]
    assert plan.left == 0


def test_each_worker_has_a_checkpoint_of_its_own_while_there_are_enough() -> None:
    plan = Plan(jobs(a=2, b=3, c=1))
    assert [taken(plan, worker) for worker in ("one", "two", "three")] == ["b0", "a0", "c0"]
    assert [taken(plan, worker) for worker in ("two", "one")] == ["a1", "b1"]
    assert taken(plan, "three") == "b2", "it helps where most is left"


def test_helpers_spread() -> None:
    plan = Plan(jobs(a=4, b=3))
    assert [taken(plan, w) for w in ("one", "two", "three", "four")] == ["a0", "b0", "a1", "b1"]


def test_what_came_back_is_run_again_and_not_there() -> None:
    plan = Plan(jobs(a=2))
    first = plan.take("one")
    assert first is not None
    plan.put_back(first, not_on="one")
    assert (plan.left, taken(plan, "one")) == (2, "a1")
    assert plan.is_stranded(["one"])
    assert not plan.is_stranded(["one", "two"])
    assert taken(plan, "two") == "a0"
    plan.put_back(first)
    assert [job.name for job in plan.drop_all()] == ["a0"]
    assert plan.left == 0


def test_what_is_loaded_besides_changes_as_little_as_can_be() -> None:
    segmenters = ["bundled", "mobile_sam", "bundled"]
    mixed = [made_up_job(str(n), settings={"segmenter": s}) for n, s in enumerate(segmenters)]
    plan = Plan(mixed)
    assert [taken(plan, "one") for _ in range(3)] == ["0", "2", "1"]
    assert mixed[0].checkpoint == Path("/made up/a.th")
