"""Segment Anything's own weights: where they are, how large they are, and how they get here."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from ..background import Progress, Watch, shown_bytes
from ..errors import UserError
from .downloads import RemoteFile, download, partial, partial_bytes

_SERVER = "https://dl.fbaipublicfiles.com/segment_anything"


@dataclass(frozen=True)
class SamWeights:
    """One of the official models."""

    name: str
    """As `core.settings.SEGMENTERS` has it."""
    label: str
    file: RemoteFile
    memory: int
    """Bytes that the engine takes with it on the CPU, at its most; measured for one 256 px view."""

    @property
    def summary(self) -> str:
        """Size and memory, for menus."""
        return f"{shown_bytes(self.file.size or 0)} to download, {shown_bytes(self.memory)} memory"


# The eight letters in the official names are no part of the SHA-256. Sizes and hashes are as
# several independent projects check them (micro-sam, LUDVIG, a 3D Slicer extension among them).
WEIGHTS = {
    weights.name: weights
    for weights in (
        SamWeights(
            "vit_b",
            "ViT-B",
            RemoteFile(
                f"{_SERVER}/sam_vit_b_01ec64.pth",
                "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
                375_042_383,
            ),
            3_300_000_000,
        ),
        SamWeights(
            "vit_l",
            "ViT-L",
            RemoteFile(
                f"{_SERVER}/sam_vit_l_0b3195.pth",
                "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
                1_249_524_607,
            ),
            5_100_000_000,
        ),
        SamWeights(
            "vit_h",
            "ViT-H",
            RemoteFile(
                f"{_SERVER}/sam_vit_h_4b8939.pth",
                "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
                2_564_550_879,
            ),
            6_400_000_000,
        ),
    )
}


def weights_called(name: str) -> SamWeights:
    """The model of that name. Raises UserError when there is none."""
    if name not in WEIGHTS:
        raise UserError(f"There are no weights {name!r} to download; choose {', '.join(WEIGHTS)}.")
    return WEIGHTS[name]


def weights_path(folder: Path, name: str) -> Path:
    """Where a model's weights lie when they are downloaded."""
    return folder / weights_called(name).file.name


def has_weights(folder: Path, name: str) -> bool:
    """Whether a model's weights are there, whole; looks at the size only."""
    with contextlib.suppress(OSError):
        return weights_path(folder, name).stat().st_size == weights_called(name).file.size
    return False


def partial_weights(folder: Path, name: str) -> int:
    """Bytes that an unfinished download left."""
    return 0 if has_weights(folder, name) else partial_bytes(weights_path(folder, name))


def download_weights(folder: Path, name: str, watch: Watch) -> Path:
    """Download a model's weights; goes on where an earlier download stopped.

    Raises:
        UserError: see `downloads.download`.
        Cancelled: the watch says so; what arrived stays.
    """
    file = weights_called(name).file
    path = weights_path(folder, name)
    total = file.size or 0
    download(file, path, watch, report=lambda n: watch.report(Progress("download", n, total)))
    return path


def remove_weights(folder: Path, name: str) -> int:
    """Remove a model's weights, whole or not; returns the bytes that are free now.

    Raises:
        UserError: a file is held.
    """
    freed = 0
    path = weights_path(folder, name)
    for file in (path, partial(path)):
        try:
            size = file.stat().st_size
            file.unlink()
            freed += size
        except FileNotFoundError:
            continue
        except OSError as error:
            raise UserError(
                f"{file} cannot be removed ({error.strerror or error}); stop the engine, then "
                "try again.",
                code="cannot_remove",
            ) from error
    return freed
