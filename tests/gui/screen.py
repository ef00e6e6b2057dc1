"""What is on the display, mouse pointer included."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_HEADER = struct.Struct(">25I")


def read_screen(path: Path) -> np.ndarray:
    """The display's pixels, uint8 [h w 3], from Xvfb's framebuffer file (the XWD format)."""
    content = np.frombuffer(path.read_bytes(), np.uint8)
    fields = _HEADER.unpack_from(content)
    header, width, height, stride, colors = fields[0], fields[4], fields[5], fields[12], fields[19]
    begin = header + 12 * colors  # a colour table that is not used lies in between
    rows = content[begin : begin + stride * height].reshape(height, stride)
    return np.ascontiguousarray(rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1])
