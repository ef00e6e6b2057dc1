"""TOML that is written is read back the same by Python's reader."""

from __future__ import annotations

import tomllib

import pytest

from sa3d_blender.core.batch.toml_text import array_entry

JOB = {
    "name": 'Käse "猫" \\ \x7f\x01\n#',
    "whole": 3,
    "number": 1e-05,
    "yes": True,
    "matrix": [[1.0, 0.5], [-2.0, 1e22]],
    "empty": [],
    "nothing": {},
    "settings": {"views": 2, "weights": "a/b.pth"},
    "own meshes": {"Kiste Nr. 1": {"texture": 1024}, "b": {"texture": 0}},
    "more": [
        {"camera": {"w": 4}, "objects": [{"name": "a"}, {"name": "b", "box": [0, 1, 2, 3]}]},
        {"camera": {"w": 5}, "objects": []},
    ],
    "last": "a value of the job's own after its tables",
}


def test_what_is_written_is_read_back() -> None:
    text = array_entry("job", JOB) + array_entry("job", {"name": "b"}) + array_entry("job", JOB)
    assert tomllib.loads(text) == {"job": [JOB, {"name": "b"}, JOB]}


def test_nothing_said_is_nothing_written() -> None:
    text = array_entry("job", {"name": "a", "weights": None, "settings": {"weights": None}})
    assert "weights" not in text
    assert tomllib.loads(text)["job"][0]["name"] == "a"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), [None]])
def test_what_toml_has_not_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="cannot be written as TOML"):
        array_entry("job", {"name": value})
