"""Arrays in a file, on their way between the engine and Blender."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from .files import written_whole


def save_array(path: Path, array: np.ndarray) -> None:
    """Write a ``.npy`` file without pickles."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """Write an uncompressed ``.npz`` without pickles. Raises UserError as `written_whole`."""
    packed = io.BytesIO()  # a zip that fails on a full disk complains once more when collected
    np.savez(packed, **arrays)
    with written_whole(path) as temporary:
        temporary.write_bytes(packed.getbuffer())
