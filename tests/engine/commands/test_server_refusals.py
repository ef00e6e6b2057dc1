"""The engine behind its pipes: requests that it cannot fulfil, and lines that are none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sa3d_blender.core.connection.messages import (
    CANCELLED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    PROTOCOL,
    USER_ERROR,
)
from tests.support.engine_jobs import camera, job
from tests.support.pipe_client import Client


@pytest.mark.parametrize(
    ("method", "changed", "code", "reason"),
    [
        ("info", {"checkpoint": "/nö/such 文.th"}, USER_ERROR, "missing_file"),
        ("info", {"checkpoint": None}, USER_ERROR, "invalid_input"),
        ("info", {"checkpoint": str(Path(__file__))}, USER_ERROR, "not_a_checkpoint"),
        ("info", {"options": {"colour": 3}}, USER_ERROR, "invalid_input"),
        ("segment", {"objects": []}, USER_ERROR, "invalid_input"),
        ("segment", {"own_meshes": ["Kiste 箱"]}, USER_ERROR, "invalid_input"),
        ("segment", {"own_meshes": {"Kiste 箱": {"max_faces": 1}}}, USER_ERROR, "setting"),
        (
            "segment",
            {"objects": [{"name": "a", "points": [[-1, 2]]}]},
            USER_ERROR,
            "prompt_outside",
        ),
        (
            "segment",
            {"objects": [{"name": "a", "points": [[158, 41]]}]},
            USER_ERROR,
            "empty_background",
        ),
        ("segment", {"settings": {"views": 0}}, USER_ERROR, "setting"),
        ("segment", {"settings": {"views": "many"}}, USER_ERROR, "setting"),
        ("segment", {"mesh": {"resolution": 5000}}, USER_ERROR, "setting"),
        ("segment", {"settings": {"segmenter": "best"}}, USER_ERROR, "invalid_input"),
        ("segment", {"out": str(Path(__file__) / "below")}, USER_ERROR, "cannot_write"),
        (
            "mesh",
            {"result": "/nowhere/result.npz", "objects": None},
            USER_ERROR,
            "missing_file",
        ),
        (
            "view",
            {"report": "/nowhere/r.json", "object": "a", "view": 1},
            USER_ERROR,
            "missing_file",
        ),
        (
            "view",
            {"report": "/nowhere/r.json", "object": "a", "view": "1"},
            INVALID_PARAMS,
            "invalid_input",
        ),
        ("render", {"camera": {"w": 0}}, USER_ERROR, "invalid_input"),
        ("render", {"camera": {**camera().to_json(), "w": 20000}}, USER_ERROR, "image_size"),
        ("render", {"out": str(Path(__file__))}, USER_ERROR, "cannot_write"),
        ("fly", {}, METHOD_NOT_FOUND, ""),
        ("mesh", {}, INVALID_PARAMS, "invalid_input"),
        ("info", {"checkpoint": "/no\udcff/model.th"}, INTERNAL_ERROR, "internal"),
    ],
)
def test_failures(
    client: Client, tmp_path: Path, method: str, changed: Any, code: int, reason: str
) -> None:
    failure = client.failure(method, **(job(tmp_path / "out") | changed))
    assert failure["code"] == code
    assert failure["data"]["reason"] == reason
    assert failure["message"].endswith(".")
    assert not any((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True
    assert client.result("hello")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"garbage", PARSE_ERROR),
        (b"", PARSE_ERROR),
        (b"\xff\xfe\x00", PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        (b"[]", INVALID_REQUEST),
        (b'"error"', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "id": null, "method": "hello"}', INVALID_REQUEST),
        (b'{"jsonrpc": "2.0", "method": "cancel", "params": {"id": null}}', INVALID_PARAMS),
        (b'{"jsonrpc": "2.0", "method": "cancel", "params": {}}', INVALID_PARAMS),
    ],
)
def test_lines_that_are_no_messages(client: Client, line: bytes, code: int) -> None:
    client.write(line)
    answer = client.answer()
    assert answer["id"] is None
    assert answer["error"]["code"] == code
    assert client.result("hello")


def test_clients_of_other_habits(client: Client) -> None:
    """Ids that are words, params that are a list, and a cancel that wants an answer."""
    client.write(b'{"jsonrpc": "2.0", "id": "first", "method": "hello"}')
    answer = client.answer()
    assert (answer["id"], answer["result"]["protocol"]) == ("first", PROTOCOL)
    client.write(b'{"jsonrpc": "2.0", "id": "second", "method": "info", "params": [1]}')
    answer = client.answer()
    assert (answer["id"], answer["error"]["code"]) == ("second", INVALID_PARAMS)
    client.write(b'{"jsonrpc": "2.0", "id": "c", "method": "cancel", "params": {"id": "third"}}')
    assert client.answer() == {"jsonrpc": "2.0", "id": "c", "result": {}}
    client.write(b'{"jsonrpc": "2.0", "id": "third", "method": "hello"}')
    assert client.answer()["error"]["code"] == CANCELLED


def test_a_notification_nobody_knows_is_ignored(client: Client) -> None:
    client.write(b'{"jsonrpc": "2.0", "method": "wave", "params": {}}')
    assert client.result("hello")


PATHS = [("render", "out"), ("predict", "out"), ("predict", "weights"), ("segment", "out")]
PATHS += [("segment", "training_cameras"), ("mesh", "result"), ("mesh", "out"), ("rest", "result")]
PATHS += [
    ("rest", "out"),
    ("mesh", "checkpoint"),
    ("rest", "checkpoint"),
    ("points", "out"),
    ("training_cameras", "file"),
]
LISTS = [("predict", "objects"), ("segment", "more_views"), ("segment", "cameras")]
LISTS += [("segment", "keep"), ("mesh", "objects")]
OTHERS: list[tuple[str, str, Any]] = [
    ("segment", "keep", [["a"]]),
    ("mesh", "objects", [7]),
    ("segment", "previews", 7),
    ("segment", "folder", {"folder": 7, "colors": {}}),
    ("segment", "colors", {"folder": "seen", "colors": {"a": [1, 0]}}),
    ("segment", "colors", {"folder": "seen", "colors": [1, 0, 0]}),
    ("points", "count", "many"),
    ("points", "count", 0),
    ("points", "seconds", None),
    ("points", "seconds", "long"),
    *((method, name, value) for method, name in PATHS for value in (7, ["a"], "nul\0byte")),
    *((method, name, value) for method, name in LISTS for value in (7, "a", {"a": 1})),
]


@pytest.mark.parametrize(("method", "name", "value"), OTHERS)
def test_params_of_the_wrong_kind(
    client: Client, tmp_path: Path, method: str, name: str, value: Any
) -> None:
    """One sentence that names the param and the value; nothing is written."""
    more = {"result": "r.npz", "count": 50, "seconds": 1.0, "file": "transforms.json"}
    wanted = job(tmp_path / "out") | more
    wanted |= {"previews" if name in ("folder", "colors") else name: value}
    if method == "mesh" and name != "objects":
        del wanted["objects"]
    failure = client.failure(method, **wanted)
    assert (failure["code"], failure["data"]["reason"]) == (INVALID_PARAMS, "invalid_input")
    assert failure["message"].startswith(f"The request's {name!r} must be ")
    assert failure["message"].endswith(".")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"camera": "front"}, 'A camera is .* not "front"'),
        ({"camera": camera().to_json() | {"w": "200"}}, "'w' is .* a whole number, not \"200\""),
        ({"camera": camera().to_json() | {"cx": None}}, "'cx' is .* a number, not nothing"),
        ({"camera": camera().to_json() | {"transform_matrix": [[1]]}}, "'transform_matrix' is"),
        ({"cameras": [7]}, "A camera is .* not 7"),
        ({"more_views": [7]}, "A further view is .* not 7"),
        ({"objects": [7]}, "A prompt is .* not 7"),
        ({"objects": [{"name": ["a"]}]}, r"An object's 'name' is .* text, not \["),
        ({"objects": [{"name": "a", "points": 7}]}, "The 'points' of object 'a' is .* not 7"),
        ({"objects": [{"name": "a", "box": "all"}]}, "The 'box' of object 'a' is .* not \"all\""),
        ({"objects": [{"name": "a", "box": [1, 2, 3, 4], "candidate": []}]}, "'candidate'"),
    ],
)
def test_descriptions_of_the_wrong_kind(
    client: Client, tmp_path: Path, changed: dict[str, Any], sentence: str
) -> None:
    failure = client.failure("segment", **(job(tmp_path / "out") | changed))
    assert failure["code"] == USER_ERROR
    assert re.search(sentence, failure["message"]), failure["message"]
    assert not (tmp_path / "out").exists()
