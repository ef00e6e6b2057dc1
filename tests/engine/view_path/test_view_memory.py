"""A run again takes the last run's views where they still fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sa3d_blender.core.cameras import Camera
from sa3d_blender.engine.segmentation.artist_view import artist_camera
from sa3d_blender.engine.view_path import view_memory
from sa3d_blender.engine.view_path.view_memory import ViewMemory, path_question
from sa3d_blender.engine.view_path.views import Target


def camera(x: float) -> Camera:
    matrix = np.eye(4)
    matrix[0, 3] = x
    return Camera(8, 8, 8.0, 8.0, 4.0, 4.0, matrix)


class Maker:
    """Makes views and counts them."""

    def __init__(self) -> None:
        self.made: list[float] = []

    def __call__(self, camera: Camera) -> float:
        self.made.append(float(camera.origin[0]))
        return self.made[-1]


def run(memory: ViewMemory, key: str, *places: float, size: int = 1) -> list[float]:
    """One run; returns the views that had to be made."""
    make = Maker()
    memory.begin(key)
    assert [memory.view(camera(x), make, lambda _: size) for x in places] == list(places)
    return make.made


def test_only_what_is_new_is_made() -> None:
    memory = ViewMemory()
    assert run(memory, "a", 1, 2, 3) == [1, 2, 3]
    assert run(memory, "a", 2, 3, 4) == [4]
    assert memory.reused == 2
    assert run(memory, "a", 1, 2) == [1], "what the run before did not use is gone"
    assert run(memory, "b", 1, 2) == [1, 2], "another NeRF, other views"


def test_a_run_that_was_stopped_loses_nothing() -> None:
    memory = ViewMemory()
    run(memory, "a", 1, 2)
    memory.begin("a")
    assert run(memory, "a", 1, 2, 3) == [3]


def test_what_would_take_too_much_memory_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_memory, "KEPT_BYTES", 10)
    memory = ViewMemory()
    run(memory, "a", 1, 2, 3, size=4)
    assert run(memory, "a", 1, 2, 3, size=4) == [3]


def test_the_path_is_taken_again_while_it_frames_the_object() -> None:
    memory = ViewMemory()
    memory.begin("a")
    target = Target(np.zeros(3), 1.0)
    question = path_question([camera(0)], 24)
    first = memory.path(question, target, lambda: [camera(1)])
    moved = Target(np.array([0.2, 0.0, 0.0]), 0.9)
    assert memory.path(question, moved, lambda: [camera(2)]) == first
    for far in (replace(target, radius=2.0), replace(target, radius=0.3)):
        assert memory.path(question, far, lambda: [camera(3)])[0].origin[0] == 3
        memory.path(question, target, lambda: first)
    long = [camera(k) for k in range(5)]
    memory.path(question, replace(target, radius=9.0), lambda: long)
    assert memory.on_path(camera(4))
    memory.end_path([camera(9), long[0], long[1], long[3]])
    assert memory.path(question, replace(target, radius=9.0), lambda: []) == [*long[:2], long[3]]
    assert not memory.on_path(camera(4))
    other = path_question([camera(0)], 12)
    assert memory.path(other, target, lambda: [camera(4)])[0].origin[0] == 4


def test_a_view_of_the_last_run_is_pointed_in_as_it_was() -> None:
    memory = ViewMemory()
    memory.begin("a")
    memory.path("question", Target(np.zeros(3), 1.0), lambda: [camera(1), camera(2)])
    memory.keep(camera(2), "view", 1)
    assert artist_camera(camera(2), 64, memory).to_json() == camera(2).to_json()
    assert memory.known(camera(2)) == "view"
    assert artist_camera(camera(3), 64, memory).width == 96
    assert memory.known(camera(3)) is None
    assert memory.is_for("a")
    assert not memory.is_for("b")
