"""Training cameras from the files that come with a data set, in the frame a field was trained in.

`read_training_cameras` recognises a file, or finds one in a folder:

- ``transforms.json`` (nerfstudio, instant-ngp, NeRF-synthetic). Fields live in its coordinates.
- ``poses_bounds.npy`` (LLFF). Trainings move and scale its cameras first, see `llff_frame`.
- COLMAP models, text or binary. Fields live in their coordinates, except forward-facing ones,
  whose trainings made LLFF's cameras of the model.
"""

from __future__ import annotations

from pathlib import Path

from ...core.errors import UserError
from .camera_set import TrainingCameras
from .colmap import MODEL_FILES, is_model, largest_model, read_colmap
from .llff import is_poses_bounds, read_poses_bounds
from .oddities import with_oddities
from .transforms import read_transforms_file

IN_FOLDER = ("transforms.json", "transforms_train.json", "poses_bounds.npy")
MODEL_FOLDERS = ("sparse/0", "colmap/sparse/0", "sparse")
"""Where a data set's folder has its cameras, in the order asked: what was made of a COLMAP model
for the training goes before the model."""
FOLDERS_OF_MODELS = ("", "sparse", "colmap/sparse")
"""Where COLMAP may have left several models, of which the largest is taken."""

__all__ = ["TrainingCameras", "read_training_cameras"]


def read_training_cameras(path: Path, *, size: tuple[int, int] | None = None) -> TrainingCameras:
    """The cameras in a file or folder, in the file's own coordinates.

    `TrainingCameras.placed` takes them to a field's frame.

    Args:
        path: a camera file, a COLMAP model's folder, or a data set's folder with one of them.
        size: (width, height) of the pictures in pixels; overrides the file's.

    Raises:
        UserError: the file is missing, damaged, of another kind, or has no pinhole cameras.
    """
    path = Path(path)
    if path.is_dir():
        path = _found_in(path)
    if path.is_dir() or path.name in MODEL_FILES:
        found = read_colmap(path if path.is_dir() else path.parent, size)
    elif is_poses_bounds(path):
        found = read_poses_bounds(path, size)
    else:
        found = read_transforms_file(path, size)
    return with_oddities(found, resized=size is not None)


def _found_in(folder: Path) -> Path:
    if is_model(folder):
        return folder
    for name in IN_FOLDER:
        if (folder / name).is_file():
            return folder / name
    for name in MODEL_FOLDERS:
        if is_model(folder / name):
            return folder / name
    for name in FOLDERS_OF_MODELS:
        if (folder / name).is_dir() and (model := largest_model(folder / name)) is not None:
            return model
    raise UserError(
        f"{folder} holds no cameras; choose a transforms.json, a poses_bounds.npy, or a COLMAP "
        "model's folder (cameras and images, .bin or .txt).",
        code="no_cameras",
    )
