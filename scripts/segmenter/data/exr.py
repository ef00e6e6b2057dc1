"""Uncompressed OpenEXR files as Blender writes them, read without a library for it."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

KINDS = {0: np.dtype("<u4"), 1: np.dtype("<f2"), 2: np.dtype("<f4")}
MAGIC = 20000630


def read_exr(path: Path) -> dict[str, np.ndarray]:
    """All channels of a single-part scanline file without compression, float32 [h w] by name."""
    data = path.read_bytes()
    if struct.unpack_from("<i", data)[0] != MAGIC:
        raise ValueError(f"{path} is no EXR file")
    attributes, at = _attributes(data, 8)
    if attributes["compression"] != b"\0":
        raise ValueError(f"{path} is compressed")
    left, top, right, bottom = struct.unpack("<4i", attributes["dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    channels = _channels(attributes["channels"])
    row = np.dtype([("y", "<i4"), ("size", "<i4"), *((n, kind, (width,)) for n, kind in channels)])
    rows = np.frombuffer(data, row, height, at + 8 * height)
    order = np.argsort(rows["y"])
    return {name: rows[name][order].astype(np.float32) for name, _ in channels}


def _attributes(data: bytes, at: int) -> tuple[dict[str, bytes], int]:
    """The header's values by name, and where it ends."""
    found = {}
    while data[at]:
        name, at = _text(data, at)
        _, at = _text(data, at)
        size = struct.unpack_from("<i", data, at)[0]
        found[name] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return found, at + 1


def _channels(data: bytes) -> list[tuple[str, np.dtype]]:
    """Names and number formats, in the order in which each row holds them."""
    found, at = [], 0
    while data[at]:
        name, at = _text(data, at)
        found.append((name, KINDS[struct.unpack_from("<i", data, at)[0]]))
        at += 16
    return found


def _text(data: bytes, at: int) -> tuple[str, int]:
    """A string that ends with a zero byte, and where the next thing begins."""
    end = data.index(0, at)
    return data[at:end].decode(), end + 1
