"""Prompts in the pictures of several frames."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.prompted_view import read_prompts_by_frame
from sa3d_blender.core.prompts import Prompt


def write(path: Path, *objects: object) -> Path:
    """A prompts file."""
    file = path / "prompts.json"
    file.write_text(json.dumps({"objects": objects}), encoding="utf-8")
    return file


def test_entries_are_in_the_runs_frame_unless_they_say_another(tmp_path: Path) -> None:
    mug = {"name": "mug", "points": [[5, 6]]}
    excess = {"name": "mug", "points": [[7, 8]], "labels": [0], "frame": 3}
    box = {"name": "box", "points": [[1, 2]], "frame": 3}
    found = read_prompts_by_frame(write(tmp_path, excess, mug, box), 1)
    assert list(found) == [1, 3], "the run starts in its own frame"
    assert found[1] == [Prompt("mug", ((5.0, 6.0),), (1,))]
    assert found[3][0] == Prompt("mug", ((7.0, 8.0),), (0,), refines=True)
    assert not found[3][1].refines


@pytest.mark.parametrize(
    ("objects", "sentence"),
    [
        ([{"name": "mug", "points": [[5, 6]], "frame": 3}], "No prompt is in frame 0"),
        ([{"name": "mug", "points": [[5, 6]], "labels": [0]}], "no positive point"),
        ([{"name": "mug", "points": [[5, 6]], "frame": "3"}], "no frame"),
        ([{"name": "mug", "points": [[5, 6]]}] * 2, "same name"),
        ([], "at least one object"),
        (["mug"], "not written as expected"),
    ],
)
def test_what_cannot_be_meant_is_said(objects: list[object], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=sentence):
        read_prompts_by_frame(write(tmp_path, *objects), 0)


def test_points_that_are_not_on_it_need_another_picture() -> None:
    data = {"name": "mug", "points": [[1, 2]], "labels": [0]}
    with pytest.raises(UserError, match="click on the object"):
        Prompt.from_json(data)
    prompt = Prompt.from_json({**data, "refines": True})
    assert Prompt.from_json(prompt.to_json()) == prompt
    with pytest.raises(UserError, match="click on the object"):
        Prompt.from_json({"name": "mug", "refines": True})
