"""Plenoxels' files that are damaged, hostile, of another kind, or hold what cannot be used."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from tests.support.plain_plenoxels import Arrays, make_arrays, write

CPU = torch.device("cpu")


def refused(path: Path, code: str) -> str:
    """The one sentence with which a file is refused."""
    with pytest.raises(UserError) as caught:
        load_field(path, FieldOptions(), device=CPU)
    sentence = str(caught.value)
    assert caught.value.code == code, sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def test_recognised_by_content(tmp_path: Path) -> None:
    path = write(tmp_path / "schnapp 图.dat", make_arrays(), compressed=True)
    assert load_field(path, FieldOptions(), device=CPU).family == "plenoxels"


def test_other_archives(tmp_path: Path) -> None:
    refused(write(tmp_path / "a.npz", {"links": np.zeros(3)}), "not_a_checkpoint")


@pytest.mark.parametrize("part", [0.2, 0.9, 0.999])
def test_truncated(tmp_path: Path, part: float) -> None:
    path = write(tmp_path / "ckpt.npz", make_arrays())
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refused(path, "truncated")


def test_damaged_inside(tmp_path: Path) -> None:
    path = write(tmp_path / "ckpt.npz", make_arrays())
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    refused(path, "truncated")


def test_damaged_where_an_array_begins(tmp_path: Path) -> None:
    """There a damage meets the reader of sizes before any checksum is compared."""
    path = write(tmp_path / "ckpt.npz", make_arrays(), compressed=True)
    content = path.read_bytes()
    start = content.index(b"links.npy") + len(b"links.npy")
    for position in range(start, start + 60):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        with suppress(UserError):
            load_field(path, FieldOptions(), device=CPU)


class Hostile:
    """Runs a command when unpickled carelessly."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("name", ["links", "sh_data", "elsewhere"])
def test_hostile_pickle_is_refused_and_not_run(tmp_path: Path, name: str) -> None:
    marker, arrays = tmp_path / "ran", make_arrays()
    arrays[name] = np.array([Hostile(marker)], dtype=object)
    refused(write(tmp_path / "ckpt.npz", arrays), "bad_weights")
    assert not marker.exists()


def test_an_array_that_claims_more_than_it_has(tmp_path: Path) -> None:
    """A header that would make the reader allocate a terabyte."""
    path = tmp_path / "ckpt.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name, values in make_arrays().items():
            file = io.BytesIO()
            np.save(file, values)
            content = file.getvalue()
            if name == "links":
                shape, claimed = b"(13, 17, 11)", b"(9999,9999,9999)"
                content = content.replace(shape + b", }    ", claimed + b", }")
                assert claimed in content
            archive.writestr(f"{name}.npy", content)
    assert "as large as it claims" in refused(path, "bad_weights")


def replaced(name: str, value: Any) -> Callable[[Arrays], None]:
    return lambda arrays: arrays.update({name: value})


LINKS = make_arrays()["links"]
WRONG: dict[str, Callable[[Arrays], Any]] = {
    "flat": replaced("links", LINKS[:, :1]),
    "two axes": replaced("links", LINKS[0]),
    "floats": replaced("links", LINKS.astype(np.float32)),
    "too far": replaced("links", LINKS * 2),
    "far too far": replaced("links", np.full((4, 4, 4), 2**40)),
    "nothing": replaced("links", np.full_like(LINKS, -1)),
    "no density": replaced("density_data", np.full((5000, 1), -1.0, np.float32)),
    "columns": lambda arrays: arrays.update(sh_data=arrays["sh_data"][:, :20]),
    "rows": lambda arrays: arrays.update(sh_data=arrays["sh_data"][:9]),
    "no colours": lambda arrays: arrays.pop("sh_data"),
    "not a number": lambda arrays: arrays["density_data"].fill(np.nan),
    "infinite": lambda arrays: arrays["sh_data"].fill(np.inf),
    "whole numbers": lambda arrays: arrays.update(sh_data=arrays["sh_data"].astype(np.int8)),
    "radius": replaced("radius", np.zeros(3, np.float32)),
    "one radius": replaced("radius", np.ones(1, np.float32)),
    "center": replaced("center", np.full(3, np.nan, np.float32)),
    "learned colours": replaced("basis_type", 4),
    "older learned colours": replaced("basis_data", np.zeros((2, 2, 2, 9), np.float32)),
}


@pytest.mark.parametrize("what", WRONG)
def test_unusable_content(tmp_path: Path, what: str) -> None:
    arrays = make_arrays()
    WRONG[what](arrays)
    refused(write(tmp_path / "ckpt.npz", arrays), "bad_weights")
