"""Bytes that changed inside a checkpoint are told; torch itself would read them as weights."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.files.checkpoint_file import read_checkpoint

Tables = dict[str, Any]
DATA = Path(__file__).parents[3] / "data"
CPU = torch.device("cpu")


def flipped(source: Path, target: Path, member: str) -> Path:
    """A copy of an archive with one bit changed in the middle of one member's content."""
    with zipfile.ZipFile(source) as archive:
        entry = next(e for e in archive.infolist() if e.filename.endswith(member))
    content = bytearray(source.read_bytes())
    names = slice(entry.header_offset + 26, entry.header_offset + 30)
    name_length, extra_length = content[names][0], int.from_bytes(content[names][2:], "little")
    content[entry.header_offset + 30 + name_length + extra_length + entry.file_size // 2] ^= 0x10
    target.write_bytes(content)
    return target


@pytest.mark.parametrize(
    "name",
    ["tabletop/tabletop.th", "tabletop/dvgo_coarse_last.tar", "tabletop_nerf/002250.tar"],
)
@pytest.mark.parametrize("member", ["/data/0", "/data/1", "/data.pkl"])
def test_a_flipped_bit_is_told(tmp_path: Path, name: str, member: str) -> None:
    damaged = flipped(DATA / name, tmp_path / "modèle 模.th", member)
    with pytest.raises(UserError, match=r"is damaged or incomplete; copy or download .* again\.$"):
        load_field(damaged, FieldOptions(), device=CPU)


@pytest.fixture
def without_sums() -> Iterator[None]:
    """Torch's own way to write archives without checksums."""
    torch.serialization.set_crc32_options(False)
    yield
    torch.serialization.set_crc32_options(True)


@pytest.mark.usefixtures("without_sums")
def test_a_file_that_was_written_without_sums_is_read(
    tmp_path: Path, tables: Callable[..., Tables]
) -> None:
    path = tmp_path / "file.th"
    torch.save(tables(), path)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is not None
    assert "state_dict" in read_checkpoint(path).data
