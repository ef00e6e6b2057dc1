"""PNG with the standard library: for pictures that Blender packs, and for previews."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file's bytes.

    Args:
        pixels: uint8 [h w 3], sRGB, top row first.
    """
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each row starts with "no filter"
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(rows.tobytes(), 1)
    chunks = ((b"IHDR", header), (b"sRGB", b"\0"), (b"IDAT", body), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height that a PNG file's header states.

    Raises:
        ValueError: it is no PNG.
    """
    if data[:8] != SIGNATURE or data[12:16] != b"IHDR" or len(data) < 24:
        raise ValueError("not a PNG")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def decode_png(data: bytes) -> NDArray[np.uint8]:
    """The pixels [h w 3] of a file that `encode_png` made.

    Raises:
        ValueError: it is none.
    """
    try:
        width, height = struct.unpack(">II", data[16:24])
        start = data.index(b"IDAT") + 4
        (length,) = struct.unpack(">I", data[start - 8 : start - 4])
        rows = np.frombuffer(zlib.decompress(data[start : start + length]), np.uint8)
        return rows.reshape(height, 1 + 3 * width)[:, 1:].reshape(height, width, 3)
    except (struct.error, zlib.error) as error:
        raise ValueError(f"not a PNG of the engine ({error})") from error
