"""Reading numpy's ``.npz`` archives without trusting them: plain numbers of honest size only."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from ....core.errors import UserError
from .checkpoint_file import ZIP_MAGIC, bad_weights, truncated

MAX_BYTES = 2**33
"""Larger archives are not believed; the largest usual models have a third."""
MAX_MEMBERS = 1000
ENDING = ".npy"
PLAIN_KINDS = "iufb"
"""Whole numbers, floats and truth values."""


@dataclass(frozen=True)
class NpzArrays:
    """An archive's arrays by name; each is read when asked for."""

    path: Path
    shapes: dict[str, tuple[int, ...]]
    """Shapes that the arrays' headers say, which fit the room they take."""

    def __contains__(self, name: object) -> bool:
        return name in self.shapes

    def read(self, name: str) -> np.ndarray:
        """The array of that name; raises UserError (``bad_weights``, ``truncated``)."""
        if name not in self.shapes:
            raise bad_weights(self.path, f"it lacks the array {name!r}")
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                return np.asarray(archive[name])
        except Exception as error:  # the reader raises whatever the damage happens to trigger
            raise truncated(self.path) from error


def array_names(path: Path, head: bytes) -> frozenset[str]:
    """The names of the arrays in an archive; none where a file is something else.

    Args:
        head: the file's first bytes.
    """
    if not head.startswith(ZIP_MAGIC):
        return frozenset()
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return frozenset()
    return frozenset(name.removesuffix(ENDING) for name in names if name.endswith(ENDING))


def open_npz(path: Path) -> NpzArrays:
    """The names and sizes of an archive's arrays.

    Raises:
        UserError: code ``truncated``; or ``bad_weights`` when an array holds anything but numbers,
            or says another size than it has.
    """
    shapes = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(m.file_size for m in members) > MAX_BYTES:
                raise bad_weights(path, "it is unbelievably large")
            for member in members:
                if member.filename.endswith(ENDING):
                    name = member.filename.removesuffix(ENDING)
                    shapes[name] = _shape(archive, member, path)
    except UserError:
        raise
    except Exception as error:  # the readers raise whatever the damage happens to trigger
        raise truncated(path) from error
    return NpzArrays(path, shapes)


def _shape(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> tuple[int, ...]:
    readers: Any = npy  # its functions are not typed
    with archive.open(member) as file:
        version = readers.read_magic(file)
        if version == (1, 0):
            shape, _, kind = readers.read_array_header_1_0(file)
        else:
            shape, _, kind = readers.read_array_header_2_0(file)
        room = member.file_size - file.tell()
    if kind.hasobject or kind.kind not in PLAIN_KINDS:
        raise bad_weights(path, "it holds something else than numbers")
    if min(shape, default=1) < 0 or math.prod(shape) * kind.itemsize != room:
        raise bad_weights(path, "an array in it is not as large as it claims")
    return tuple(shape)
