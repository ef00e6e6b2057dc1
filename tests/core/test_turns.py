"""Everybody gets a turn when it is due, the most urgent first."""

from __future__ import annotations

import pytest

from sa3d_blender.core.turns import Look, Turns, Urgency


class Clock:
    """A clock that stands still unless somebody works."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def turns(clock: Clock) -> Turns:
    return Turns(budget=0.02, patience=0.5, now=clock)


def asker(seen: list[str], name: str, after: float | None = None) -> Look:
    """Notes its name and looks again after so long."""

    def look() -> float | None:
        seen.append(name)
        return after

    return look


def test_the_most_urgent_goes_first_whoever_came_first(turns: Turns) -> None:
    seen: list[str] = []
    for urgency in reversed(Urgency):
        turns.wake(asker(seen, urgency.name), urgency)
    assert turns.turn() is None, "nobody wants anything any more"
    assert seen == ["CLICK", "JOB", "FOLLOW", "POINTS", "WATCH"]


def test_nobody_is_asked_before_it_is_due(turns: Turns, clock: Clock) -> None:
    seen: list[str] = []
    turns.wake(asker(seen, "often", 0.1), Urgency.WATCH)
    turns.wake(asker(seen, "later"), Urgency.CLICK, after=0.25)
    assert turns.turn() == pytest.approx(0.1)
    clock.now = 0.05
    assert turns.turn() == pytest.approx(0.05)
    assert seen == ["often"]
    clock.now = 0.3
    turns.turn()
    assert seen == ["often", "later", "often"]


def test_waking_twice_is_one_turn_and_the_earlier_counts(turns: Turns, clock: Clock) -> None:
    seen: list[str] = []
    look = asker(seen, "click")
    turns.wake(look, Urgency.CLICK, after=0.2)
    turns.wake(look, Urgency.CLICK)
    turns.wake(look, Urgency.CLICK, after=0.1)
    turns.turn()
    clock.now = 1.0
    turns.turn()
    assert seen == ["click"]


def test_less_urgent_ones_wait_for_the_next_turn_but_not_for_ever(
    turns: Turns, clock: Clock
) -> None:
    seen: list[str] = []

    def busy() -> float:
        clock.now += 0.1
        seen.append("job")
        return 0.0

    turns.wake(busy, Urgency.JOB)
    turns.wake(asker(seen, "points"), Urgency.POINTS)
    turns.turn()
    assert seen == ["job"]
    for _ in range(5):
        turns.turn()
    assert seen.count("points") == 1
    assert seen.index("points") > 1


def test_who_left_gets_no_turn_even_when_it_leaves_during_one(turns: Turns) -> None:
    seen: list[str] = []
    points = asker(seen, "points", 0.1)

    def job() -> float:
        turns.leave(points)
        turns.leave(job)
        return 0.0

    turns.wake(points, Urgency.POINTS)
    turns.wake(job, Urgency.JOB)
    assert turns.turn() is None
    assert seen == []


def test_who_is_woken_by_another_gets_its_turn_next(turns: Turns) -> None:
    seen: list[str] = []
    click = asker(seen, "click")

    def watch() -> None:
        turns.wake(click, Urgency.CLICK)

    turns.wake(watch, Urgency.WATCH)
    assert turns.turn() == 0.0
    turns.turn()
    assert seen == ["click"]


def test_one_that_fails_stops_nobody_else_and_looks_again(
    turns: Turns, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    seen: list[str] = []

    def broken() -> float:
        seen.append("broken")
        raise ValueError("no such thing")

    turns.wake(broken, Urgency.CLICK)
    turns.wake(asker(seen, "points"), Urgency.POINTS)
    assert turns.turn() == pytest.approx(1.0)
    assert seen == ["broken", "points"]
    assert "no such thing" in caplog.text
    clock.now = 1.0
    turns.turn()
    assert seen == ["broken", "points", "broken"]
