"""COLMAP's ``cameras.txt``, ``images.txt`` and ``points3D.txt``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ...core.errors import UserError
from ...core.git_lfs import refuse_lfs_pointer
from .colmap_model import ColmapImage, Lens, Points, lens_of, pose


@contextmanager
def _lines(path: Path) -> Iterator[list[str]]:
    """The lines that are no comments; blank ones too, as they count in ``images.txt``."""
    refuse_lfs_pointer(path)
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
        yield [line.strip() for line in text.splitlines() if not line.lstrip().startswith("#")]
    except (OSError, ValueError, IndexError, OverflowError, MemoryError) as error:
        raise UserError(
            f"{path} is damaged or cut off ({error}); export the COLMAP model again.",
            code="truncated",
        ) from error


def read_text_lenses(path: Path) -> dict[int, Lens]:
    """The lenses of a ``cameras.txt`` by number."""
    lenses = {}
    with _lines(path) as lines:
        for line in filter(None, lines):
            number, model, width, height, *parameters = line.split()
            values = [float(value) for value in parameters]
            lenses[int(number)] = lens_of(model, int(width), int(height), values)
    return lenses


def read_text_images(path: Path) -> list[ColmapImage]:
    """The pictures of an ``images.txt``: two lines each, the second may be blank."""
    images = []
    with _lines(path) as lines:
        rest = iter(lines)
        for line in rest:
            if not line:
                continue
            _, *numbers, lens, name = line.split(maxsplit=9)
            values = [float(value) for value in numbers]
            seen = np.array(next(rest, "").split()[2::3], dtype=np.int64)
            matrix = pose(values[:4], values[4:])
            images.append(ColmapImage(name, int(lens), matrix, seen[seen >= 0]))
    return images


def read_text_points(path: Path) -> Points:
    """The points of a ``points3D.txt``."""
    ids, positions = [], []
    with _lines(path) as lines:
        for line in filter(None, lines):
            number, *values = line.split(maxsplit=4)[:4]
            ids.append(int(number))
            positions.append([float(value) for value in values])
        return Points.of_all(ids, positions)
