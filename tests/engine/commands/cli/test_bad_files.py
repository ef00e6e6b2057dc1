"""One sentence for every file that is missing, damaged, hostile or something else."""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import pytest
import torch

from tests.support.cli_runs import (
    APE,
    CAMERAS,
    CHECKPOINT,
    CRATE,
    SIZE,
    Refused,
    names,
    segment_command,
)


class Hostile:
    """A pickle that would make a file if it were loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def damaged_checkpoint(kind: str, folder: Path) -> Path:
    path = folder / "kaputt ä.th"
    content = CHECKPOINT.read_bytes()
    if kind == "text":
        path.write_text("not a checkpoint")
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "other format":
        torch.save({"model": {"weight": torch.zeros(3)}}, path)
    elif kind == "not a number":
        data = torch.load(CHECKPOINT, map_location="cpu", weights_only=False)
        name = next(key for key in data["state_dict"] if key.startswith("density_line"))
        data["state_dict"][name].view(-1)[5] = float("nan")
        torch.save(data, path)
    elif kind == "hostile":
        torch.save({"kwargs": {}, "state_dict": Hostile(folder / "ran")}, path)
    elif kind == "hostile config":
        tag = f"!!python/object/apply:os.system ['touch {folder / 'ran'}']"
        path.write_text(f"method_name: nerfacto\npipeline: {tag}\n")
    elif kind == "old snapshot":
        path.write_bytes(msgpack.packb({"snapshot": {"mode": "nerf"}}))
    elif kind == "folder":
        path.mkdir()
    return path


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("missing", "There is no checkpoint"),
        ("folder", "is a folder"),
        ("text", "is not a NeRF checkpoint"),
        ("empty", "is not a NeRF checkpoint"),
        ("truncated", "damaged or incomplete"),
        ("other format", "TensoRF"),
        ("not a number", "not numbers"),
        ("hostile", "program code"),
        ("hostile config", "is not a nerfstudio config.yml"),
        ("old snapshot", "July 2022"),
    ],
)
def test_bad_checkpoints(
    folder: Path, tmp_path: Path, refused: Refused, kind: str, sentence: str
) -> None:
    path, out = damaged_checkpoint(kind, tmp_path), tmp_path / "out"
    assert sentence in refused("info", path)
    assert sentence in refused("render", path, "--cameras", CAMERAS, "--out", out, *SIZE)
    assert sentence in refused(*segment_command(folder, out, checkpoint=path))
    assert names(out) == set()
    assert not (tmp_path / "ran").exists()


def png_of_size(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "There is no picture"),
        (b"", "is not a picture"),
        (b"just text", "is not a picture"),
        (png_of_size(0, 0), "is not a picture"),
        (png_of_size(50, 50), "is not a picture"),
        (png_of_size(50, 50)[:40] + b"\xff" * 30, "is not a picture"),
        (png_of_size(9000, 10), "is larger than 8192x8192"),
        (png_of_size(10000, 10000), "is larger than 8192x8192"),
        (png_of_size(20000, 20000), "is larger than 8192x8192"),
    ],
)
def test_bad_pictures(
    folder: Path, tmp_path: Path, refused: Refused, content: bytes | None, sentence: str
) -> None:
    picture, out = tmp_path / "Bild 图.png", tmp_path / "out"
    if content is not None:
        picture.write_bytes(content)
    prompts = folder / "Klicks ü.json"
    assert sentence in refused("mask", picture, "--prompts", prompts, "--out", out)
    assert not out.exists()


def test_results_that_cannot_be_used(segmented: Path, tmp_path: Path, refused: Refused) -> None:
    result, mesh = segmented / "result.npz", tmp_path / "mesh.glb"
    assert f"--object with one of {CRATE}, {APE}" in refused("mesh", result, "--out", mesh)
    said = refused("mesh", result, "--out", mesh, "--object", "mug")
    assert "no object 'mug'" in said
    assert "must end in .glb, .ply or .obj" in refused("mesh", result, "--out", tmp_path / "m.stl")
    assert "There is no result" in refused("mesh", tmp_path / "none.npz", "--out", mesh)
    half = tmp_path / "half.npz"
    half.write_bytes(result.read_bytes()[:5000])
    assert "is not a result of sa3d segment" in refused("mesh", half, "--out", mesh)
    assert names(tmp_path) == {"half.npz"}


def test_a_pickle_in_a_result_is_not_run(tmp_path: Path, refused: Refused) -> None:
    result = tmp_path / "result.npz"
    content = np.array([Hostile(tmp_path / "ran")], dtype=object)
    np.savez(result, meta=content)
    assert "is not a result" in refused("mesh", result, "--out", tmp_path / "mesh.glb")
    assert names(tmp_path) == {"result.npz"}


def test_a_result_cannot_name_files_elsewhere(
    segmented: Path, tmp_path: Path, refused: Refused
) -> None:
    with np.load(segmented / "result.npz") as data:
        arrays = dict(data)
    meta = json.loads(arrays["meta"].tobytes())
    meta["objects"][0]["name"] = "../elsewhere"
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    result = tmp_path / "result.npz"
    np.savez(result, **arrays)
    said = refused("mesh", result, "--out", tmp_path / "mesh.glb")
    assert "cannot be an object's name" in said


@pytest.mark.parametrize(
    "changed",
    [
        {"values_0": np.zeros((3, 3))},
        {"values_0": np.zeros((1, 3, 3))},
        {"values_0": np.full((3, 3, 3), np.nan)},
        {"region_0": np.zeros((2, 3))},
        {"region_0": np.zeros(2)},
        {"free_0": np.zeros((2, 2))},
        {"objects": []},
        {"objects": "none"},
        {"options": [1]},
    ],
)
def test_results_with_something_else_in_them(
    segmented: Path, tmp_path: Path, refused: Refused, changed: dict[str, Any]
) -> None:
    with np.load(segmented / "result.npz") as data:
        arrays = dict(data)
    meta = json.loads(arrays["meta"].tobytes())
    meta |= {name: value for name, value in changed.items() if name in meta}
    arrays |= {name: value for name, value in changed.items() if name not in meta}
    arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)
    result = tmp_path / "result.npz"
    np.savez(result, **arrays)
    refused("mesh", result, "--object", CRATE, "--out", tmp_path / "mesh.glb")
    assert names(tmp_path) == {"result.npz"}


def test_a_result_whose_checkpoint_is_gone(
    folder: Path, segmented: Path, tmp_path: Path, refused: Refused
) -> None:
    moved = folder / "weg.th"
    (folder / "模型 ä.th").rename(moved)
    try:
        command = ["mesh", segmented / "result.npz", "--object", APE, "--out", tmp_path / "m.glb"]
        assert "add --checkpoint FILE" in refused(*command)
    finally:
        moved.rename(folder / "模型 ä.th")
