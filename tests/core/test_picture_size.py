"""WebP's three kinds of headers, put together by hand; PNG and JPEG are with the cameras' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from sa3d_blender.core.picture_size import picture_size


def webp(kind: bytes, data: bytes) -> bytes:
    """A file with one chunk."""
    chunk = kind + len(data).to_bytes(4, "little") + data
    return b"RIFF" + (4 + len(chunk)).to_bytes(4, "little") + b"WEBP" + chunk


def lossy(width: int, height: int, scaling: int = 0) -> bytes:
    sides = [(side | scaling << 14).to_bytes(2, "little") for side in (width, height)]
    return webp(b"VP8 ", b"\x50\x01\x00\x9d\x01\x2a" + b"".join(sides) + bytes(8))


def lossless(width: int, height: int) -> bytes:
    with_alpha = 1 << 28
    bits = (width - 1) | (height - 1) << 14 | with_alpha
    return webp(b"VP8L", b"\x2f" + bits.to_bytes(4, "little") + bytes(8))


def extended(width: int, height: int) -> bytes:
    sides = [(side - 1).to_bytes(3, "little") for side in (width, height)]
    return webp(b"VP8X", b"\x10\0\0\0" + b"".join(sides)) + bytes(8)


@pytest.mark.parametrize("name", ["Bild ä.webp", "Bild ä.WEBP", "Bild ä"])
@pytest.mark.parametrize(
    ("content", "size"),
    [
        (lossy(640, 480), (640, 480)),
        (lossy(16383, 1, scaling=3), (16383, 1)),
        (lossless(1, 16384), (1, 16384)),
        (lossless(301, 200), (301, 200)),
        (extended(70_000, 3), (70_000, 3)),
    ],
)
def test_sizes_of_webps_are_read(
    tmp_path: Path, name: str, content: bytes, size: tuple[int, int]
) -> None:
    (tmp_path / f"{name}{'' if '.' in name else '.webp'}").write_bytes(content)
    assert picture_size(tmp_path / name) == size


@pytest.mark.parametrize(
    "content",
    [lossy(640, 480)[:28], webp(b"VP8 ", bytes(20)), webp(b"VP8L", bytes(20)), webp(b"ALPH", b"")],
)
def test_webps_that_tell_no_size(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.webp").write_bytes(content)
    assert picture_size(tmp_path / "a.webp") is None


def test_names_that_cannot_be_files(tmp_path: Path) -> None:
    assert picture_size(tmp_path / ("a" * 5000)) is None
    assert picture_size(tmp_path / "a\0b") is None
