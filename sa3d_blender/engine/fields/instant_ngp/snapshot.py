"""Reading Instant-NGP's snapshots (``.msgpack``, ``.ingp``) without trusting them.

A snapshot is one MessagePack map: the network's configuration, with the weights, the density grid
and the cameras under ``snapshot``. An ``.ingp`` is the same, compressed.
"""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import msgpack

from ....core.errors import UserError
from ..files.checkpoint_file import Checkpoint, truncated
from ..files.chosen_file import ChosenFile

GZIP, ZLIB = b"\x1f\x8b", b"\x78"
MAP_HEADS = {0xDE: 3, 0xDF: 5} | {first: 1 for first in range(0x81, 0x90)}
"""First bytes of MessagePack maps that are not empty, and how many bytes go before the items."""
TEXT_STARTS = frozenset([*range(0xA0, 0xC0), 0xD9, 0xDA, 0xDB])
"""First bytes of texts, such as a snapshot's keys."""
MAX_BYTES = 2**30
"""Larger content is refused; the largest usual snapshots have a tenth."""
MAX_ITEMS = 2**17
"""Longest list; also bounds what a damaged length can allocate."""
MAX_KEYS = 4096
VERSION = 1
"""The only version there has been since July 2022."""


def _is_snapshot_head(head: bytes) -> bool:
    """Whether a file may be a snapshot by its first bytes."""
    compressed = head.startswith(GZIP) or (
        len(head) > 1 and head.startswith(ZLIB) and head[1] in (0x01, 0x5E, 0x9C, 0xDA)
    )
    return compressed or _is_map(head)


def _is_map(content: bytes) -> bool:
    """Whether MessagePack bytes begin with a map whose first key is a text."""
    start = MAP_HEADS.get(content[0]) if content else None
    return start is not None and len(content) > start and content[start] in TEXT_STARTS


def open_snapshot(chosen: ChosenFile) -> Checkpoint | None:
    """Read a snapshot, compressed or not; None of anything else.

    Raises:
        UserError: code ``not_a_checkpoint``, ``truncated``, ``unsafe``, ``unknown_format`` or
            ``missing_file``.
    """
    if not _is_snapshot_head(chosen.head):
        return None
    path = chosen.path
    content = _content(path)
    try:
        data = msgpack.unpackb(
            content,
            max_array_len=MAX_ITEMS,
            max_map_len=MAX_KEYS,
            max_ext_len=0,
            ext_hook=_refuse,
            unicode_errors="replace",
        )
    except msgpack.ExtraData as error:
        raise _no_snapshot(path) from error
    except (ValueError, TypeError, MemoryError, RecursionError, msgpack.UnpackException) as error:
        raise truncated(path) from error
    if not isinstance(data, dict) or not isinstance(data.get("snapshot"), dict):
        raise _no_snapshot(path)
    _check_kind(path, data["snapshot"])
    return Checkpoint(path, data)


def _check_kind(path: Path, snapshot: dict[str, Any]) -> None:
    """Raise UserError unless a snapshot is of a NeRF and of the known version."""
    version = snapshot.get("version", 0)
    if version != VERSION:
        known = isinstance(version, int) and version < VERSION
        cure = (
            "save it again with an Instant-NGP from July 2022 or later"
            if known
            else "save it with the public Instant-NGP"
        )
        raise UserError(
            f"{path} is an Instant-NGP snapshot of version {str(version)[:20]!r}, but only version "
            f"{VERSION} is known; {cure}.",
            code="unknown_format",
        )
    mode = snapshot.get("mode", "nerf")
    if not isinstance(mode, str) or mode.lower() != "nerf":
        raise UserError(
            f"{path} is an Instant-NGP snapshot, but not of a NeRF; choose one that was trained "
            "on pictures with cameras.",
            code="unknown_format",
        )


def _content(path: Path) -> bytes:
    """The MessagePack bytes of a file."""
    try:
        with path.open("rb") as file:
            head = file.read(2)
            file.seek(0)
            if head[:1] not in (GZIP[:1], ZLIB):
                content = file.read(MAX_BYTES + 1)
            else:
                content = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS).decompress(
                    file.read(MAX_BYTES + 1), MAX_BYTES + 1
                )
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); check its permissions.", code="missing_file"
        ) from error
    except zlib.error as error:
        raise truncated(path) from error
    if len(content) > MAX_BYTES:
        raise UserError(
            f"{path} unpacks to more than a snapshot can hold, so it was not opened; use one from "
            "a source you trust.",
            code="unsafe",
        )
    if not _is_map(content):
        raise _no_snapshot(path)
    return content


def _refuse(code: int, data: bytes) -> Any:
    raise ValueError(f"extension type {code}")


def _no_snapshot(path: Path) -> UserError:
    return UserError(
        f"{path} is not a NeRF checkpoint or snapshot; choose the file that the training wrote.",
        code="not_a_checkpoint",
    )
