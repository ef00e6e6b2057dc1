"""Official weights of segmenters: whether they are here, and how they are downloaded or copied."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from ..background import Progress, Watch
from ..errors import UserError
from ..files import written_whole
from ..remote_file import RemoteFile
from ..segmenters import downloadable, segmenter_spec
from .downloads import check_space, download, matches, partial, partial_bytes

FOLDER_VARIABLE = "SA3D_WEIGHTS"
"""The environment variable that tells the command line where downloaded weights lie."""


def weights_file(name: str) -> RemoteFile:
    """A segmenter's weights. Raises UserError when there are none to download."""
    file = segmenter_spec(name).weights
    if file is None:
        raise UserError(f"The weights of {name} come with the add-on.")
    return file


def weights_path(folder: Path, name: str) -> Path:
    """Where a segmenter's weights lie when they are downloaded."""
    return folder / weights_file(name).name


def has_weights(folder: Path, name: str) -> bool:
    """Whether a segmenter's weights are there, whole; looks at the size only."""
    with contextlib.suppress(OSError):
        return weights_path(folder, name).stat().st_size == weights_file(name).size
    return False


def downloaded_weights(folder: Path) -> dict[str, str]:
    """The files of all weights that are there, by segmenter; cheap enough for panels."""
    names = [spec.name for spec in downloadable()]
    return {name: str(weights_path(folder, name)) for name in names if has_weights(folder, name)}


def partial_weights(folder: Path, name: str) -> int:
    """Bytes that an unfinished download left."""
    return 0 if has_weights(folder, name) else partial_bytes(weights_path(folder, name))


def download_weights(folder: Path, name: str, watch: Watch) -> Path:
    """Download a segmenter's weights; goes on where an earlier download stopped.

    Raises:
        UserError: see `downloads.download`.
        Cancelled: the watch says so; what arrived stays.
    """
    file = weights_file(name)
    path = weights_path(folder, name)
    total = file.size or 0
    download(file, path, watch, report=lambda n: watch.report(Progress("download", n, total)))
    return path


def copy_weights(pack: Path, folder: Path, name: str, watch: Watch) -> Path:
    """Take a segmenter's weights out of an engine pack.

    Raises:
        UserError: they are not in it, are damaged, or the folder cannot be written.
        Cancelled: the watch says so.
    """
    file, path = weights_file(name), weights_path(folder, name)
    packed = pack / file.name
    watch.report(Progress("verify"))
    if not packed.is_file() or not matches(packed, file, watch):
        what = "damaged" if packed.is_file() else "not in the engine pack"
        raise UserError(f"{file.name} is {what}.", code="missing_file")
    check_space(folder, packed.stat().st_size)
    with written_whole(path) as temporary:
        shutil.copyfile(packed, temporary)
    return path


def get_beside_engine(folder: Path, name: str, pack: Path | None, watch: Watch) -> None:
    """Get a segmenter's weights after the engine was set up, from a pack or the internet.

    The engine works without them: what goes wrong is a note of the watch, no failure.

    Raises:
        Cancelled: the watch says so; what arrived stays.
    """
    if has_weights(folder, name):
        return
    try:
        if pack is None:
            download_weights(folder, name, watch)
        else:
            copy_weights(pack, folder, name, watch)
    except UserError as error:
        reason = str(error).partition("; ")[0].rstrip(".")
        watch.note = (
            f"The engine is set up, {segmenter_spec(name).label} is not here: {reason}. Download "
            "it later in Preferences > Add-ons > SA3D; until then the bundled segmenter works."
        )


def remove_weights(folder: Path, name: str) -> int:
    """Remove a segmenter's weights, whole or not; returns the bytes that are free now.

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
