"""Which files hold Gaussians, told by their content, and what is said of those that do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ....core.errors import UserError
from ..files.checkpoint_file import Checkpoint, bad_weights
from ..files.chosen_file import ChosenFile
from ..files.nerfstudio_files import dataset_transform
from .gaussians import Gaussians, usable
from .packed_files import ROW_OF_SPLAT, ZSTD_SPZ, is_spz, read_splat, read_spz
from .ply_file import PLY_STARTS, has_gaussians, is_compressed, read_compressed_ply, read_ply
from .splatfacto import read_splatfacto, splatfacto_checkpoint

UNREADABLE = {
    ".ksplat": "a splat of the mkkellogg viewer",
    ".sog": "a splat in PlayCanvas' format of pictures",
}
"""Endings of files that cannot be read, and what they are."""
TRAINING_STATE = 12
"""Entries of what a splat's training keeps of its Gaussians, before the number of the step."""
ITERATION = re.compile(r"iteration_(\d+)")
CLOUD = "point_cloud"
ALONE = ("point_cloud.ply", "splat.ply")
"""What the original and nerfstudio call the file."""
MOST_LEFT_OUT = 0.01
"""Part of the Gaussians that may be damaged."""


@dataclass(frozen=True)
class SplatFile:
    """A file of Gaussians."""

    path: Path
    reader: Callable[[Path], Gaussians]
    field_from_dataset: np.ndarray | None = None
    """4x4, where the training moved the data set's cameras and says how."""

    def read(self) -> tuple[Gaussians, list[str]]:
        """Its Gaussians, on the CPU, and what has to be said about them.

        Raises:
            UserError: code ``truncated`` or ``bad_weights``.
        """
        found = self.reader(self.path)
        if len(found) == 0:
            raise bad_weights(self.path, "it holds no Gaussians")
        good = usable(found)
        bad = len(found) - int(good.sum())
        if bad > MOST_LEFT_OUT * len(found):
            raise bad_weights(
                self.path,
                f"{bad} of its {len(found)} Gaussians have no usable place, size or colour",
            )
        if not bad:
            return found, []
        return found[good], [f"{bad} damaged Gaussians of {len(found)} were left out."]


def open_splat(chosen: ChosenFile) -> Checkpoint | None:
    """The `SplatFile` that was chosen, or of the training whose folder was; None of other files.

    Raises:
        UserError: code ``not_a_checkpoint``, ``truncated`` or ``unknown_format``.
    """
    path = chosen.path
    newest = newest_cloud(path) if path.is_dir() else None
    if newest is not None:
        return open_splat(ChosenFile(newest))
    trained = splatfacto_checkpoint(chosen)
    if trained is not None:
        whole = SplatFile(
            trained.path, lambda _: read_splatfacto(trained), dataset_transform(trained.path)
        )
        return Checkpoint(trained.path, whole)
    if path.is_dir():
        return None
    reader = _reader(chosen)
    return None if reader is None else Checkpoint(path, SplatFile(path, reader))


def newest_cloud(folder: Path) -> Path | None:
    """The ``point_cloud.ply`` of the most steps in the original training's folder.

    In another folder, the one file that is there.
    """
    steps: dict[int, Path] = {}
    for place in sorted((folder / CLOUD).glob("iteration_*")):
        match, path = ITERATION.fullmatch(place.name), place / f"{CLOUD}.ply"
        if match and path.is_file():
            steps[int(match[1])] = path
    if steps:
        return steps[max(steps)]
    return next((folder / name for name in ALONE if (folder / name).is_file()), None)


def _reader(chosen: ChosenFile) -> Callable[[Path], Gaussians] | None:
    path, head = chosen.path, chosen.head
    ending = path.suffix.lower()
    if ending in UNREADABLE:
        raise UserError(
            f"{path} is {UNREADABLE[ending]} ({ending}), which is not read; export it as .ply, "
            ".splat or .spz (e.g. with SuperSplat) and choose that.",
            code="unknown_format",
        )
    if head.startswith(PLY_STARTS):
        return _ply_reader(chosen)
    if head.startswith(ZSTD_SPZ):
        raise UserError(
            f"{path} is an .spz of version 4 or later, which is not read; export it as .ply.",
            code="unknown_format",
        )
    if is_spz(head):
        return read_spz
    if ending == ".splat" and path.stat().st_size >= ROW_OF_SPLAT:
        return read_splat
    _refuse_training(chosen)
    return None


def _ply_reader(chosen: ChosenFile) -> Callable[[Path], Gaussians]:
    if is_compressed(chosen.head):
        return read_compressed_ply
    if has_gaussians(chosen.head):
        return read_ply
    is_mesh = b"element face" in chosen.head
    raise UserError(
        f"{chosen.path} is a {'mesh' if is_mesh else 'point cloud'}, not a splat: its points have "
        "no opacity, size and rotation; choose a .ply with 3D Gaussians.",
        code="not_a_checkpoint",
    )


def _refuse_training(chosen: ChosenFile) -> None:
    trained = chosen.torch_checkpoint
    if trained is not None and _is_splat_training(trained.data):
        raise UserError(
            f"{chosen.path} is what a 3D Gaussian splat's training goes on from; choose its "
            "result instead, point_cloud/iteration_N/point_cloud.ply.",
            code="unknown_format",
        )


def _is_splat_training(data: Any) -> bool:
    """Whether a torch file's content is what a splat's training goes on from."""
    if not isinstance(data, tuple) or len(data) != 2:
        return False
    state, step = data
    return isinstance(state, tuple) and len(state) == TRAINING_STATE and isinstance(step, int)
