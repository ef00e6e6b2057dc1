"""The supervisor against the stand-in engine: answers, progress, cancel, and every kind of end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sa3d_blender.core.connection.engine_command import (
    engine_command,
)
from sa3d_blender.core.connection.engine_process import EngineProcess
from sa3d_blender.core.connection.messages import CANCELLED, Failure, Notification
from sa3d_blender.core.errors import Cancelled, UserError
from sa3d_blender.core.turns import Urgency

FAKE = Path(__file__).resolve().parents[2] / "fake_engine.py"
PROMPTS = {"objects": [{"name": "mug", "points": [[1, 2]], "labels": [1]}]}
Start = Callable[..., EngineProcess]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Any:
    engines: list[EngineProcess] = []

    def start_fake(mode: str = "", **options: Any) -> EngineProcess:
        monkeypatch.setenv("SA3D_FAKE", mode)
        engines.append(EngineProcess([sys.executable, str(FAKE)], **options))
        return engines[-1]

    yield start_fake
    for engine in engines:
        engine.close(wait=5.0)


def pump_until(engine: EngineProcess, met: Callable[[], Any], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, engine.log_tail()
        engine.pump()
        time.sleep(0.002)


def test_answers_a_request(start: Start) -> None:
    assert start().run("hello", {}, timeout=10)["protocol"] == 1


def test_reports_progress_in_order(start: Start, tmp_path: Path) -> None:
    seen: list[int] = []
    start().run(
        "segment",
        {**PROMPTS, "out": str(tmp_path / "Käse 猫")},
        timeout=10,
        on_progress=lambda params: seen.append(params["n"]),
    )
    assert seen == list(range(1, 21))


def test_passes_on_what_the_engine_says_no_to(start: Start) -> None:
    with pytest.raises(UserError, match="There is no file at") as caught:
        start().run("info", {"checkpoint": "/no/such file"}, timeout=10)
    assert caught.value.code == "missing_file"


def test_survives_lines_that_are_no_messages(start: Start) -> None:
    engine = start("garbage")
    assert engine.run("hello", {}, timeout=10)["device"] == "fake"
    assert "Loading weights" in engine.log_tail()


def test_cancel_ends_the_request_and_keeps_the_engine(start: Start, tmp_path: Path) -> None:
    engine = start("slow")
    failures: list[Failure] = []
    request = engine.request(
        "segment", {**PROMPTS, "out": str(tmp_path)}, on_failure=failures.append
    )
    engine.cancel(request)
    pump_until(engine, lambda: failures)
    assert failures[0].code == CANCELLED
    assert engine.run("hello", {}, timeout=10)


def test_an_engine_that_ignores_a_cancel_is_ended(start: Start, tmp_path: Path) -> None:
    engine = start("hang", grace=0.3)
    failures: list[Failure] = []
    progress: list[Any] = []
    request = engine.request(
        "segment",
        {**PROMPTS, "out": str(tmp_path)},
        on_failure=failures.append,
        on_progress=progress.append,
    )
    pump_until(engine, lambda: progress)
    engine.cancel(request)
    pump_until(engine, lambda: failures, seconds=5)
    assert failures[0].code == CANCELLED
    assert engine.ended


def test_a_dying_engine_is_one_sentence(start: Start, tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"ended unexpectedly \(exit code 3: fake engine ready\)"
    ) as caught:
        start("crash").run("segment", {**PROMPTS, "out": str(tmp_path)}, timeout=10)
    assert caught.value.code == "engine_ended"
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_engine_is_one_sentence_and_later_requests_fail_too(
    start: Start, tmp_path: Path
) -> None:
    engine = start("slow")
    progress: list[Any] = []
    failures: list[Failure] = []
    engine.request(
        "segment",
        {**PROMPTS, "out": str(tmp_path)},
        on_progress=progress.append,
        on_failure=failures.append,
    )
    pump_until(engine, lambda: progress)
    assert engine.pid
    os.kill(engine.pid, 9)
    pump_until(engine, lambda: failures)
    assert "lack of memory" in failures[0].message
    with pytest.raises(UserError, match="lack of memory"):
        engine.run("hello", {}, timeout=10)


def test_missing_packages_are_named(start: Start) -> None:
    with pytest.raises(UserError, match="lacks the package torch"):
        start("no_start").run("hello", {}, timeout=10)


def test_a_python_that_cannot_start_is_one_sentence(tmp_path: Path) -> None:
    no_program = tmp_path / "python"
    no_program.write_text("not a program")
    with pytest.raises(UserError, match="cannot be started"):
        EngineProcess([str(no_program)]).run("hello", {}, timeout=10)


@pytest.mark.parametrize("python", ["", "/no/such/python"])
def test_a_missing_python_is_one_sentence(python: str) -> None:
    with pytest.raises(UserError, match="Preferences > Add-ons > SA3D"):
        engine_command(python)


def test_run_gives_up_after_its_timeout(start: Start, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="did not answer within"):
        start("hang", grace=0.2).run("segment", {**PROMPTS, "out": str(tmp_path)}, timeout=0.5)


def test_cancel_from_progress_raises_cancelled(start: Start, tmp_path: Path) -> None:
    engine = start("slow")
    with pytest.raises(Cancelled):
        engine.run(
            "segment",
            {**PROMPTS, "out": str(tmp_path)},
            timeout=10,
            on_progress=lambda params: engine.cancel(params["id"]),
        )


def test_an_error_in_a_callback_becomes_a_failure(start: Start) -> None:
    engine = start()
    failures: list[Failure] = []

    def fail(_result: dict[str, Any]) -> None:
        raise UserError("The file is gone.")

    engine.request("hello", {}, on_done=fail, on_failure=failures.append)
    pump_until(engine, lambda: failures)
    assert failures[0].message == "The file is gone."


def test_close_ends_the_process(start: Start) -> None:
    engine = start()
    engine.run("hello", {}, timeout=10)
    engine.close(wait=5.0)
    assert engine.ended == "The engine was stopped."


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_engine_ends_when_its_parent_is_killed() -> None:
    code = (
        "import sys, time; sys.path.append(sys.argv[1]);"
        "from sa3d_blender.core.connection.engine_process import EngineProcess;"
        "e = EngineProcess([sys.executable, sys.argv[2]]); e.run('hello', {});"
        "print(e.pid, flush=True); time.sleep(60)"
    )
    argv = [sys.executable, "-c", code, str(FAKE.parents[1]), str(FAKE)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        engine = int(parent.stdout.readline())
        parent.kill()
    assert gone_within(engine, 5.0)


def gone_within(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = Path(f"/proc/{pid}/stat")
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


def test_nothing_waits_while_the_engine_works(start: Start, tmp_path: Path) -> None:
    began = time.perf_counter()
    engine = start("slow", log_file=tmp_path / "engine.log")
    done: list[Any] = []
    longest = time.perf_counter() - began
    engine.request("segment", {**PROMPTS, "out": str(tmp_path)}, on_done=done.append)
    while not done:
        began = time.perf_counter()
        engine.pump(0.01)
        longest = max(longest, time.perf_counter() - began)
        time.sleep(0.002)
    assert longest < 0.05
    assert "fake engine ready" in (tmp_path / "engine.log").read_text(encoding="utf-8")


def test_what_runs_in_the_background_makes_way_once(start: Start, tmp_path: Path) -> None:
    engine = start("slow", grace=0.0)
    ends: list[str] = []
    asked = {"count": 10, "out": str(tmp_path)}
    for _ in range(2):
        engine.request(
            "points",
            asked,
            urgency=Urgency.POINTS,
            on_done=lambda _: ends.append("done"),
            on_failure=lambda failure: ends.append(failure.reason),
        )
    assert not ends, "one in the background does not stop another"
    assert engine.run("hello", {}, timeout=20)
    assert ends == ["cancelled", "cancelled"]
    assert engine.ended is None, "an engine that takes its time to make way is not hung"
    assert not (tmp_path / "points.npz").exists()


def test_one_answer_can_be_taken_before_the_others(start: Start) -> None:
    engine = start()
    taken: list[str] = []
    ids = [
        engine.request("hello", {}, on_done=lambda _found, name=name: taken.append(name))  # type: ignore[misc]
        for name in ("first", "second")
    ]
    assert not engine.hand_over(999, wait=0.01), "nothing else is handed over meanwhile"
    assert not taken
    assert engine.hand_over(ids[1], wait=20), engine.log_tail()
    assert taken == ["second"]
    pump_until(engine, lambda: len(taken) == 2)
    assert taken == ["second", "first"]


def test_only_what_is_less_urgent_and_nobody_waits_for_makes_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = EngineProcess([sys.executable, "-c", "import sys; sys.stdin.read()"])
    sent: list[Any] = []
    monkeypatch.setattr(engine, "send", sent.append)
    try:
        ids = {urgency: engine.request("render", {}, urgency=urgency) for urgency in Urgency}
        cancelled = lambda: [m.params["id"] for m in sent if m.__class__ is Notification]  # noqa: E731
        assert cancelled() == [], "each was less urgent than those before"
        assert engine.busy_with(Urgency.CLICK)
        engine.request("render", {}, urgency=Urgency.FOLLOW)
        assert cancelled() == [ids[Urgency.POINTS], ids[Urgency.WATCH]]
        engine.request("predict", {}, urgency=Urgency.CLICK)
        assert ids[Urgency.FOLLOW] in cancelled()
        assert ids[Urgency.JOB] not in cancelled(), "somebody waits for a job"
        assert len(cancelled()) == len(set(cancelled())), "each is cancelled once"
    finally:
        engine.close()
