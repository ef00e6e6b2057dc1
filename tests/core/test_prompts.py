"""Prompts: what is accepted, and the sentence for what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompts import Prompt, prompts_from_json, read_prompts


def test_json_round_trip() -> None:
    prompt = Prompt("Käse 猫", ((1.5, 2), (3, 4)), (1, 0), (0, 1, 2, 3), 2)
    assert Prompt.from_json(json.loads(json.dumps(prompt.to_json()))) == prompt


def test_labels_default_to_positive() -> None:
    assert Prompt.from_json({"name": "a", "points": [[1, 2], [3, 4]]}).labels == (1, 1)


def test_null_stands_for_nothing() -> None:
    given = {"name": "a", "points": None, "labels": None, "box": [1, 2, 3, 4]}
    assert Prompt.from_json(given) == Prompt("a", box=(1, 2, 3, 4))
    given = {"name": "a", "points": [[1, 2]], "labels": [1.0], "box": None}
    assert Prompt.from_json(given) == Prompt("a", ((1, 2),), (1,))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"name": "", "points": [[1, 1]]}, "cannot be an object's name"),
        ({"name": "猫" * 70, "points": [[1, 1]]}, "too long for a file"),
        ({"name": "a/b", "points": [[1, 1]]}, "cannot be an object's name"),
        ({"name": "..", "points": [[1, 1]]}, "cannot be an object's name"),
        ({"name": "a", "points": [[1, 1]], "labels": [1, 1]}, "one label"),
        ({"name": "a", "points": [[1, 1]], "labels": [2]}, "neither 1 nor 0"),
        ({"name": "a", "points": [[1, 1]], "labels": [0]}, "click on the object"),
        ({"name": "a", "points": [[1, 1]], "labels": [0.9]}, "not written as expected"),
        ({"name": "a", "points": [[1, 1]], "labels": [float("inf")]}, "not written as expected"),
        ({"name": "a"}, "click on the object"),
        ({"name": "a", "box": [1, 2, 3]}, "not written as expected"),
        ({"name": "a", "points": [[1, "x"]]}, "not written as expected"),
        ({"points": [[1, 1]]}, "not written as expected"),
        ({"name": "a", "points": [[1, 1]], "candidate": -1}, "0 is best"),
        ("nonsense", "not written as expected"),
    ],
)
def test_refusals(data: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        Prompt.from_json(data)


@pytest.mark.parametrize("point", [(-0.1, 1), (1, 11), (21, 1)])
def test_points_outside_are_refused(point: tuple[float, float]) -> None:
    with pytest.raises(UserError, match="outside the 20x10 picture"):
        Prompt("a", (point,), (1,)).check_inside(20, 10)


@pytest.mark.parametrize("box", [(-1, 0, 5, 5), (5, 0, 5, 5), (0, 0, 21, 5)])
def test_boxes_outside_are_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(UserError, match="does not lie inside"):
        Prompt("a", box=box).check_inside(20, 10)


def test_the_engine_clicks_on_in_a_prompt_of_its_own() -> None:
    artists = Prompt("a", ((1.5, 2.0), (0.1, 4.0)), (1, 0), candidate=2)
    more = artists.and_click(3, 7, 0)
    assert more.clicks == [(1.5, 2.0, 1), (0.1, 4.0, 0), (7.5, 3.5, 0)]
    assert (more.name, more.candidate, len(artists.points)) == ("a", 2, 2)
    assert more.point_array(1).tolist() == [[1.5, 2.0]]
    assert more.point_array()[1, 0] == np.float32(0.1)
    assert not Prompt().with_clicks([(1.0, 1.0, 0)]).says_where


@pytest.mark.parametrize("prompt", [Prompt("a", ((1, 1),), (0,)), Prompt("", ((1, 1),), (1,))])
def test_an_artists_prompt_points_at_something_with_a_name(prompt: Prompt) -> None:
    with pytest.raises(UserError):
        prompt.check_inside(20, 10)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, 'a list "objects"'),
        ([], 'a list "objects"'),
        ({"objects": []}, 'a list "objects"'),
        ({"objects": [{"name": "a", "box": [0, 0, 1, 1]}] * 2}, "same name"),
    ],
)
def test_lists_of_objects(data: Any, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        prompts_from_json(data)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "prompts.json"
    with pytest.raises(UserError, match="no prompt file"):
        read_prompts(path)
    path.write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        read_prompts(path)
    path.write_text("[" * 100_000)
    with pytest.raises(UserError, match="is not JSON"):
        read_prompts(path)
    for encoding in ("utf-8", "utf-8-sig"):  # with a byte order mark, as Windows writes it
        path.write_text('{"objects": [{"name": "猫", "points": [[1, 2]]}]}', encoding=encoding)
        assert read_prompts(path)[0].name == "猫"
