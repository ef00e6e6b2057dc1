"""Archives whose content is not what was written, or that nobody can read."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from sa3d_blender.core.zip_sums import has_damaged_member

CONTENT = b"\x09\x04\x05\x00" + 5 * b"\xff" + bytes(range(200))
"""As LZMA it begins with impossible properties."""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Of one stored member."""
    path = tmp_path / "Gewichte 重.pth"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data", CONTENT)
    return path


def test_what_was_written_is_whole(archive: Path) -> None:
    assert not has_damaged_member(archive)


def test_a_flipped_bit_is_noticed(archive: Path) -> None:
    content = bytearray(archive.read_bytes())
    content[content.index(CONTENT) + 100] ^= 1
    archive.write_bytes(content)
    assert has_damaged_member(archive)


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_what_cannot_be_unpacked_is_damaged(archive: Path, method: int) -> None:
    content = bytearray(archive.read_bytes())
    for header, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        content[content.index(header) + place] = method
    archive.write_bytes(content)
    assert has_damaged_member(archive)


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data", bytes(1 << 20))
    monkeypatch.setattr(zipfile.ZipFile, "open", None)
    assert has_damaged_member(path)
