"""LLFF's ``poses_bounds.npy``: per camera a 3x5 matrix and two depth bounds (Mildenhall et al.)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...core.cameras import Camera, without_scale
from ...core.errors import UserError, about_file
from ...core.git_lfs import refuse_lfs_pointer
from .camera_set import MAX_CAMERAS, TrainingCameras

MAGIC = b"\x93NUMPY"
COLUMNS = 17
"""Columns down, right, back, centre and (height, width, focal) of 3 rows, then near and far."""


def is_poses_bounds(path: Path) -> bool:
    """Whether a file is a numpy array, by its first bytes; False where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_poses_bounds(path: Path, size: tuple[int, int] | None = None) -> TrainingCameras:
    """The cameras of a ``poses_bounds.npy``, in its coordinates with OpenGL axes.

    Args:
        size: (width, height) that overrides the file's, which are the full pictures'.

    Raises:
        UserError: the file is damaged or holds something else.
    """
    rows = _load(path)
    matrices = np.tile(np.eye(4), (len(rows), 1, 1))
    blocks = rows[:, :15].reshape(-1, 3, 5)
    down, right, back, center = (blocks[:, :, column] for column in range(4))
    matrices[:, :3] = np.stack([right, -down, back, center], axis=2)
    cameras = []
    for matrix, (height, width, focal) in zip(matrices, blocks[:, :, 4], strict=True):
        w, h = round(float(width)), round(float(height))
        with about_file(path):
            camera = Camera(w, h, float(focal), float(focal), w / 2, h / 2, without_scale(matrix))
        cameras.append(camera.resized(*size) if size else camera)
    names = tuple(f"{number:03d}" for number in range(len(cameras)))
    nearest = float(rows[:, 15:].min())
    if nearest <= 0:
        raise UserError(f"The depth bounds in {path} are not positive; choose another camera file.")
    return TrainingCameras("llff", names, tuple(cameras), nearest=nearest)


def _load(path: Path) -> np.ndarray:
    refuse_lfs_pointer(path)
    try:
        # Mapped, not read: a header that promises more than the file holds fails at once.
        rows = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, MemoryError) as error:
        raise UserError(
            f"{path} is damaged or no array of numbers; choose a poses_bounds.npy."
        ) from error
    plain = rows.ndim == 2 and rows.dtype.kind == "f" and 0 < len(rows) <= MAX_CAMERAS
    if not plain or rows.shape[1] != COLUMNS:
        raise UserError(
            f"{path} is an array, but not of LLFF's cameras ({COLUMNS} numbers each); choose a "
            "poses_bounds.npy."
        )
    rows = np.array(rows, dtype=np.float64)
    if not np.isfinite(rows).all():
        raise UserError(f"{path} holds values that are no numbers; choose another camera file.")
    return rows
