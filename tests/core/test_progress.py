"""How far a job is and how long it still takes."""

from __future__ import annotations

import numpy as np
import pytest

from sa3d_blender.core.png import decode_png, encode_png
from sa3d_blender.core.progress import SHARES, Clock, in_words, part_done


def test_the_stages_make_a_whole() -> None:
    assert sum(SHARES.values()) == pytest.approx(1.0)
    steps = [part_done(stage, n, 24) for stage in SHARES for n in range(1, 25)]
    assert steps == sorted(steps)
    assert steps[0] == 0.0
    assert 0.98 < steps[-1] < 1.0


def test_a_job_of_one_stage_goes_from_nothing_to_all() -> None:
    assert [part_done("render", n, 4) for n in (0, 2, 4, 9)] == [0, 0.5, 1, 1]
    assert part_done("view", 0, 0) == part_done("view", 1, 24)


def test_the_bar_never_goes_back_and_time_is_told_once_it_is_known() -> None:
    clock = Clock(began=100.0)
    assert clock.step("view", 1, 10) == clock.step("load", 0, 1)
    assert clock.left(130.0) is None, "nothing is done yet"
    half = clock.step("view", 8, 10)
    assert clock.left(101.0) is None, "too early"
    assert clock.left(110.0) == pytest.approx(10.0 * (1 - half) / half)
    clock.ends = 112.0
    assert (clock.left(101.0), clock.left(115.0)) == (11.0, 0.0), "the job knows better"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s left"),
        (7.4, "7 s left"),
        (33, "35 s left"),
        (59, "1 min left"),
        (200, "3 min left"),
    ],
)
def test_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_preview_comes_back_as_it_was() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 13, 3), dtype=np.uint8)
    assert (decode_png(encode_png(pixels)) == pixels).all()


@pytest.mark.parametrize("data", [b"", b"\x89PNG", encode_png(np.zeros((4, 4, 3), np.uint8))[:50]])
def test_half_a_preview_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        decode_png(data)
