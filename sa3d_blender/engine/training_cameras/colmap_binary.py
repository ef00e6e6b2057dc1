"""COLMAP's ``cameras.bin``, ``images.bin`` and ``points3D.bin``: little-endian, no padding."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import UserError
from ...core.git_lfs import refuse_lfs_pointer
from .camera_set import MAX_CAMERAS
from .colmap_model import MODELS, ColmapImage, Lens, Points, lens_of, pose

LENS = struct.Struct("<iiQQ")
"""Number, model, width, height; its parameters follow."""
IMAGE = struct.Struct("<i4d3di")
"""Number, quaternion, translation, camera; its name and 2D points follow."""
POINT = struct.Struct("<Q3d3BdQ")
"""Number, position, colour, error, length of the track, which follows."""
COUNT = struct.Struct("<Q")
POINT_2D = np.dtype([("x", "<f8"), ("y", "<f8"), ("point", "<i8")])
TRACK_ENTRY_BYTES = 8
MAX_NAME_BYTES = 4096


class _Cursor:
    """Bytes that are taken from the front; never more than there are."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The next values."""
        return layout.unpack(self.take_bytes(layout.size))

    def take_bytes(self, count: int) -> memoryview:
        """The next bytes. Raises ValueError where the file ends before."""
        end = self._place + count
        if end > len(self._data):
            raise ValueError("the file ends too early")
        found = memoryview(self._data)[self._place : end]
        self._place = end
        return found

    def take_text(self) -> str:
        """The bytes up to the next zero byte."""
        end = self._data.find(b"\0", self._place, self._place + MAX_NAME_BYTES)
        if end < 0:
            raise ValueError("a name does not end")
        text = bytes(self.take_bytes(end - self._place)).decode("utf-8", errors="replace")
        self._place += 1
        return text

    def take_count(self, most: int) -> int:
        """How many records follow."""
        (count,) = self.take(COUNT)
        if count > most:
            raise ValueError(f"{count} records are not believable")
        return int(count)


@contextmanager
def _opened(path: Path) -> Iterator[_Cursor]:
    refuse_lfs_pointer(path)
    try:
        yield _Cursor(path.read_bytes())
    except (OSError, ValueError, OverflowError, MemoryError) as error:
        raise UserError(
            f"{path} is damaged or cut off ({error}); export the COLMAP model again.",
            code="truncated",
        ) from error


def read_binary_lenses(path: Path) -> dict[int, Lens]:
    """The lenses of a ``cameras.bin`` by number."""
    lenses = {}
    with _opened(path) as file:
        for _ in range(file.take_count(MAX_CAMERAS)):
            number, model, width, height = file.take(LENS)
            name, count = MODELS.get(model, (f"number {model}", 0))
            lenses[number] = lens_of(name, width, height, file.take(struct.Struct(f"<{count}d")))
    return lenses


def read_binary_images(path: Path) -> list[ColmapImage]:
    """The pictures of an ``images.bin``."""
    images = []
    with _opened(path) as file:
        for _ in range(file.take_count(MAX_CAMERAS)):
            values = file.take(IMAGE)
            name = file.take_text()
            count = file.take_count(2**40 // POINT_2D.itemsize)
            seen = np.frombuffer(file.take_bytes(count * POINT_2D.itemsize), POINT_2D)
            ids = seen["point"][seen["point"] >= 0].astype(np.int64)
            images.append(ColmapImage(name, values[8], pose(values[1:5], values[5:8]), ids))
    return images


def read_binary_points(path: Path) -> Points:
    """The points of a ``points3D.bin``."""
    ids, positions = [], []
    with _opened(path) as file:
        for _ in range(file.take_count(2**40)):
            number, x, y, z, *_, track = file.take(POINT)
            file.take_bytes(track * TRACK_ENTRY_BYTES)
            ids.append(number)
            positions.append((x, y, z))
        return Points.of_all(ids, positions)
