"""How large a picture file is, read from its header with the standard library."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from .git_lfs import refuse_lfs_pointer
from .png import png_size

ENDINGS = ("", ".png", ".jpg", ".jpeg", ".webp", ".JPG", ".JPEG", ".PNG", ".WEBP")
"""What a name that a camera file gives may lack."""
JPEG_START = b"\xff\xd8"
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segments that state the size; the three others in this range are tables."""
JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a segment behind them."""
WEBP_HEAD = 30
"""Bytes that say what kind of WebP a file is, and its size; a PNG needs fewer."""
VP8_START, VP8L_START = b"\x9d\x01\x2a", b"\x2f"
"""What a lossy picture has behind its first three bytes, and what a lossless one begins with."""


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height as stored, in pixels; None where there is no PNG, JPEG or WebP to read.

    Args:
        path: of the picture, or of one whose ending was left out (NeRF-synthetic's habit).

    Raises:
        UserError: the picture is a Git LFS pointer.
    """
    try:
        for ending in ENDINGS:
            candidate = Path(f"{path}{ending}")
            if candidate.is_file():
                refuse_lfs_pointer(candidate)
                with candidate.open("rb") as file:
                    return _stated_size(file)
    except OSError:  # it may not be read, or its name is too long to be one
        pass
    return None


def _stated_size(file: BinaryIO) -> tuple[int, int] | None:
    head = file.read(WEBP_HEAD)
    if head.startswith(JPEG_START):
        file.seek(len(JPEG_START))
        return _jpeg_size(file)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp_size(head)
    return _png_size(head)


def _png_size(head: bytes) -> tuple[int, int] | None:
    try:
        return png_size(head)
    except ValueError:
        return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP: lossy, lossless, or extended, which states its canvas."""
    if len(head) < WEBP_HEAD:
        return None
    kind, data = head[12:16], head[20:]
    if kind == b"VP8 " and data[3:6] == VP8_START:  # two bits of each side are for scaling
        return _little(data[6:8]) & 0x3FFF, _little(data[8:10]) & 0x3FFF
    if kind == b"VP8L" and data[:1] == VP8L_START:
        bits = _little(data[1:5])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return _little(data[4:7]) + 1, _little(data[7:10]) + 1
    return None


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height of a JPEG, read from behind its start until a segment states them."""
    while (byte := file.read(1)) == b"\xff":
        while byte == b"\xff":  # any number of them may fill the space before a marker
            byte = file.read(1)
        marker = int.from_bytes(byte, "big")
        if marker in JPEG_BARE:
            continue
        head = file.read(7)
        if len(head) < 7:
            return None
        if marker in JPEG_FRAMES:
            return int.from_bytes(head[5:7], "big"), int.from_bytes(head[3:5], "big")
        file.seek(int.from_bytes(head[:2], "big") - 7, 1)
    return None
