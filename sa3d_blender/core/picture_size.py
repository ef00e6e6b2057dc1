"""How large a picture file is, read from its header with the standard library."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from .png import png_size

ENDINGS = ("", ".png", ".jpg", ".jpeg", ".JPG", ".JPEG", ".PNG")
"""What a name that a camera file gives may lack."""
JPEG_START = b"\xff\xd8"
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of the segments that state the size; the three others in this range are tables."""
JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
"""Markers without a segment behind them."""


def picture_size(path: Path) -> tuple[int, int] | None:
    """Width and height as stored, in pixels; None where the file is neither PNG nor JPEG.

    Args:
        path: of the picture, or of one whose ending was left out (NeRF-synthetic's habit).
    """
    for ending in ENDINGS:
        candidate = Path(f"{path}{ending}")
        if candidate.is_file():
            with candidate.open("rb") as file:
                return _jpeg_size(file) if file.read(2) == JPEG_START else _png_size(file)
    return None


def _png_size(file: BinaryIO) -> tuple[int, int] | None:
    file.seek(0)
    try:
        return png_size(file.read(24))
    except ValueError:
        return None


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    """Of a file that stands behind the start; segment after segment until one states the size."""
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
