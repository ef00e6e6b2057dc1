"""Snapshots that are damaged, hostile, too large, of another version or of something else."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field, training_cameras
from sa3d_blender.engine.fields.instant_ngp import snapshot as ngp_snapshot
from tests.support.plain_ngp import PlainNgp

Break = Callable[[dict[str, Any]], object]


def refused(path: Path, code: str) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(UserError) as caught:
        load_field(path, FieldOptions(), device=torch.device("cpu"))
    sentence = str(caught.value)
    assert caught.value.code == code, sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def written(folder: Path, content: bytes) -> Path:
    """A file of that content, of a name that says nothing."""
    path = folder / "schnapp 图.dat"
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def honest() -> bytes:
    """A snapshot's bytes."""
    return bytes(msgpack.packb(PlainNgp().content()))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.999])
def test_truncated(tmp_path: Path, honest: bytes, part: float) -> None:
    packed = gzip.compress(honest, 1)
    refused(written(tmp_path, honest[: int(part * len(honest))]), "truncated")
    refused(written(tmp_path, packed[: int(part * len(packed))]), "truncated")


def test_gzip_and_zlib_are_read(tmp_path: Path, honest: bytes) -> None:
    for content in (gzip.compress(honest, 1), zlib.compress(honest)):
        path = written(tmp_path, content)
        field = load_field(path, FieldOptions(), device=torch.device("cpu"))
        assert field.family == "instant_ngp"


@pytest.mark.parametrize(
    "content",
    [
        msgpack.packb({"a": 1}),
        msgpack.packb({"snapshot": 5}),
        msgpack.packb({"snapshot": {}}) + b"more",
        gzip.compress(b"just text"),
        gzip.compress(b""),
    ],
)
def test_something_else(tmp_path: Path, content: bytes) -> None:
    refused(written(tmp_path, content), "not_a_checkpoint")


@pytest.mark.parametrize(
    "content",
    [
        b"\x81\xa8snapshot\xdf\xff\xff\xff\xff",  # a map of four billion entries
        b"\x81\xa8snapshot\xdd\xff\xff\xff\xff",  # a list of as many
        b"\x81\xa8snapshot\xc6\xff\xff\xff\xff",  # as many bytes
        b"\x81\xa8snapshot" + b"\xdd\x7f\xff\xff\xff" * 1000,
        b"\x81\xa8snapshot" + b"\x91" * 100_000,  # nested too deeply
        b"\x81\xa8snapshot" + msgpack.packb(msgpack.ExtType(5, b"hello")),
        b"\x81\xa8snapshot\xd6\xff\x00\x00\x00\x00",  # a time stamp
        b"\x82\xa8snapshot\x80\x01\x02",  # a number for a key
        b"\x81\xa8snapshot\xc1",  # a code that means nothing
    ],
)
def test_hostile_lengths_and_types(tmp_path: Path, content: bytes) -> None:
    assert "damaged" in refused(written(tmp_path, content), "truncated")


def test_a_file_that_unpacks_to_too_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, honest: bytes
) -> None:
    monkeypatch.setattr(ngp_snapshot, "MAX_BYTES", len(honest) - 1)
    for content in (honest, gzip.compress(honest, 1)):
        assert "more than a snapshot can hold" in refused(written(tmp_path, content), "unsafe")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"version": 0}, "July 2022"),
        ({"version": 2}, "only version 1 is known"),
        ({"version": "x" * 1000}, "only version 1 is known"),
        ({"version": None}, "only version 1 is known"),
        ({"mode": "sdf"}, "not of a NeRF"),
        ({"mode": 3}, "not of a NeRF"),
    ],
)
def test_other_versions_and_modes(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    path = PlainNgp(changes=changes).save(tmp_path / "s")
    assert words in refused(path, "unknown_format")


@pytest.mark.parametrize(
    "changes",
    [
        {"params_binary": b""},
        {"params_binary": b"123"},
        {"params_binary": "text"},
        {"params_binary": b"\x00\x7c" * 3000},
        {"params_binary": bytes(2 * 5000), "n_params": 5000},
        {"n_params": 10**12},
        {"params_type": "double"},
        {"density_grid_size": 10**9},
        {"density_grid_binary": bytes(2 * 1000)},
        {"density_grid_binary": [1, 2]},
        {"aabb": {"min": [0, 0, 0], "max": [0, 1, 1]}},
        {"aabb": {"min": [0, 0], "max": [1, 1, 1]}},
        {"aabb": {"min": [0, 0, 0], "max": [1e300, 1, 1]}},
        {"background_color": [1, 2]},
        {"exposure": 1e9},
        {"nerf": {"aabb_scale": 10**9}},
        {"nerf": {"dataset": {"scale": 0}}},
        {"nerf": {"dataset": {"offset": "middle"}}},
    ],
)
def test_numbers_that_make_no_sense(tmp_path: Path, changes: dict[str, Any]) -> None:
    refused(PlainNgp(changes=changes).save(tmp_path / "s"), "bad_weights")


def put(*names: str, value: Any) -> Break:
    """Puts something else into the configuration."""

    def change(content: dict[str, Any]) -> None:
        table = content
        for name in names[:-1]:
            table = table[name]
        table[names[-1]] = value

    return change


@pytest.mark.parametrize(
    "damage",
    [
        put("encoding", value=None),
        put("encoding", "otype", value="Frequency"),
        put("encoding", "interpolation", value="Smoothstep"),
        put("encoding", "n_levels", value=10**9),
        put("encoding", "log2_hashmap_size", value=60),
        put("encoding", "per_level_scale", value=1e9),
        put("encoding", "base_resolution", value=10**9),
        put("network", "n_neurons", value=10**9),
        put("network", "n_hidden_layers", value=0),
        put("network", "activation", value="Sine"),
        put("network", value="none"),
        put("dir_encoding", value={"otype": "OneBlob"}),
        put("dir_encoding", "nested", value=[]),
    ],
)
def test_configurations_that_are_not_known(tmp_path: Path, damage: Break) -> None:
    content = PlainNgp().content()
    damage(content)
    refused(written(tmp_path, bytes(msgpack.packb(content))), "bad_weights")


@pytest.mark.parametrize(
    "dataset",
    [{}, {"metadata": [], "xforms": []}, {"metadata": [{}], "xforms": [{}]},
     {"metadata": 5, "xforms": [1]}, {"metadata": [1], "xforms": [1, 2]}],
)  # fmt: skip
def test_cameras_that_are_none(tmp_path: Path, dataset: dict[str, Any]) -> None:
    path = PlainNgp(changes={"nerf": {"dataset": dataset}}).save(tmp_path / "s")
    with pytest.raises(UserError) as caught:
        training_cameras(path)
    assert caught.value.code == "no_cameras"


def test_a_snapshot_without_its_data_set_can_be_used(tmp_path: Path) -> None:
    path = PlainNgp(changes={"nerf": {"aabb_scale": 1}}).save(tmp_path / "s")
    field = load_field(path, FieldOptions(), device=torch.device("cpu"))
    assert "synthetic" in field.notes[0]
