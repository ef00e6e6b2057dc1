"""Reading checkpoint files without trusting them.

Torch files are pickles. They are read with torch's restricted unpickler and a short list of further
names (numpy arrays, tables of settings), so a file can hold data but cannot run anything. Whatever
is wrong with a file ends in one `UserError`.
"""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ....core.errors import UserError
from ....core.field_kinds import CHECKPOINT_EXTENSIONS
from ....core.git_lfs import refuse_lfs_pointer
from ....core.zip_sums import has_damaged_member

ZIP_MAGIC = b"PK\x03\x04"
LEGACY_TORCH_MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa85019")
MIN_TRUNCATED_BYTES = 4
SETTINGS_TABLES = ("mmcv.utils.config.ConfigDict", "lib.config_loader.ConfigDict")
"""Dictionary classes of DirectVoxGO's and of SA3D's settings; read as plain ordered ones."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file's content: nested plain containers, numbers, strings, tensors, arrays."""

    path: Path
    data: Any
    config: Any = None
    """The training's settings, where they lie in a file of their own that was read with it."""


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a torch file (zip or the older pickle stream) onto the CPU.

    Raises:
        UserError: code ``missing_file``, ``not_a_checkpoint``, ``truncated`` or ``unsafe``.
    """
    path = Path(path)
    _check_container(path, first_bytes(path, len(LEGACY_TORCH_MAGIC)))
    try:
        with torch.serialization.safe_globals(_allowed_globals()):
            data = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError as error:
        raise truncated(path) from error
    except pickle.UnpicklingError as error:
        raise _refused(path, error) from error
    except Exception as error:  # the reader raises whatever the damage happens to trigger
        raise truncated(path) from error
    return Checkpoint(path, data)


def may_be_torch_file(path: Path, head: bytes) -> bool:
    """Whether a file is torch's, whole or damaged, and no other kind of zip archive.

    Args:
        head: its first bytes, some tens or more.
    """
    if not head.startswith(ZIP_MAGIC):
        begin = head[: len(LEGACY_TORCH_MAGIC)]
        return len(begin) >= MIN_TRUNCATED_BYTES and LEGACY_TORCH_MAGIC.startswith(begin)
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return True


def first_bytes(path: Path, count: int) -> bytes:
    """Up to ``count`` bytes that a file begins with.

    Raises:
        UserError: code ``missing_file``; ``lfs_pointer``; for a folder, ``not_a_checkpoint``.
    """
    refuse_lfs_pointer(path)
    if path.is_dir():
        raise UserError(
            f"{path} is a folder; choose the checkpoint file inside it (e.g. its .th file).",
            code="not_a_checkpoint",
        )
    try:
        with path.open("rb") as file:
            return file.read(count)
    except FileNotFoundError as error:
        raise UserError(
            f"There is no checkpoint at {path}; check the path.", code="missing_file"
        ) from error
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); check its permissions.", code="missing_file"
        ) from error


def _check_container(path: Path, head: bytes) -> None:
    """Raise UserError unless the file looks like a complete, undamaged torch file of honest size.

    The older pickle streams have no checksums.
    """
    if head == LEGACY_TORCH_MAGIC:
        return
    if len(head) >= MIN_TRUNCATED_BYTES and LEGACY_TORCH_MAGIC.startswith(head):
        raise truncated(path)
    if not head.startswith(ZIP_MAGIC):
        raise UserError(
            f"{path} is not a NeRF checkpoint; choose the file that the training wrote "
            f"({', '.join(CHECKPOINT_EXTENSIONS[:-1])} or {CHECKPOINT_EXTENSIONS[-1]}).",
            code="not_a_checkpoint",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise truncated(path) from error
    names = [member.filename for member in members]
    if not any(n.endswith("data.pkl") for n in names) or any("constants.pkl" in n for n in names):
        raise UserError(
            f"{path} is a zip archive but not a NeRF checkpoint; choose the file that the "
            "training wrote.",
            code="not_a_checkpoint",
        )
    if sum(member.file_size for member in members) > path.stat().st_size:
        raise UserError(
            f"{path} claims to unpack to more than it holds, so it was not opened; "
            "use a checkpoint from a source you trust.",
            code="unsafe",
        )
    if has_damaged_member(path):
        raise truncated(path)


def truncated(path: Path) -> UserError:
    """The error for a file that ends too early or is damaged."""
    return UserError(
        f"{path} is damaged or incomplete; copy or download the checkpoint again.",
        code="truncated",
    )


def _refused(path: Path, error: pickle.UnpicklingError) -> UserError:
    text = str(error)
    if "Unsupported" in text or "GLOBAL" in text or "Blocklisted" in text:
        return UserError(
            f"{path} holds program code besides numbers, so it was not opened; "
            "use a checkpoint from a source you trust.",
            code="unsafe",
        )
    return truncated(path)


def _allowed_globals() -> list[Callable[..., Any] | tuple[Callable[..., Any], str]]:
    """Names beyond torch's own that a checkpoint may use: numpy arrays' and settings tables'.

    Files written with numpy 1 and 2 spell the module ``numpy.core`` and ``numpy._core``. The
    tables' classes are never looked up: their names stand for `OrderedDict`.
    """
    functions: dict[str, Callable[..., Any]] = {
        "_reconstruct": cast(Callable[..., Any], np.array([0]).__reduce__()[0]),
        "scalar": cast(Callable[..., Any], np.float64(0).__reduce__()[0]),
    }
    pairs = [
        (function, f"{module}.multiarray.{name}")
        for module in ("numpy.core", "numpy._core")
        for name, function in functions.items()
    ]
    tables = [(cast(Callable[..., Any], OrderedDict), name) for name in SETTINGS_TABLES]
    kinds = (np.uint8, np.int32, np.int64, np.float16, np.float32, np.float64, np.bool_)
    return [*pairs, *tables, np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in kinds)]


def checked_weight(state: Any, name: str, shape: tuple[int | None, ...], *, path: Path) -> Tensor:
    """The float32 tensor ``state[name]`` after checking what could go wrong with it.

    Args:
        state: the checkpoint's table of tensors.
        shape: expected size of each dimension; None allows any size from 1.
        path: the file, for the message.

    Raises:
        UserError: code ``bad_weights``; missing, of another shape, not a plain tensor of
            floats, or not finite.
    """
    value = state.get(name) if isinstance(state, dict) else None
    if not isinstance(value, Tensor) or not _is_plain(value):
        raise bad_weights(path, f"it lacks the weights {name!r}")
    found = tuple(value.shape)
    fits = len(found) == len(shape) and all(
        size > 0 if wanted is None else size == wanted
        for size, wanted in zip(found, shape, strict=True)
    )
    if not fits:
        wanted = "x".join("?" if size is None else str(size) for size in shape)
        actual = "x".join(map(str, found))
        raise bad_weights(path, f"its weights {name!r} are {actual} instead of {wanted}")
    weight = value.detach().to(torch.float32)
    if not torch.isfinite(weight).all():
        raise bad_weights(path, f"its weights {name!r} contain values that are not numbers")
    return weight.contiguous()


def _is_plain(value: Tensor) -> bool:
    """Whether a tensor is dense, of floats, and as large in memory as it claims to be."""
    if value.layout != torch.strided or not value.is_floating_point() or value.is_meta:
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def bad_weights(path: Path, reason: str) -> UserError:
    """The error for a checkpoint of a known kind whose content cannot be used."""
    return UserError(
        f"{path} cannot be used: {reason}; train it again or choose another checkpoint.",
        code="bad_weights",
    )
