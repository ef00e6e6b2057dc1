"""Gaussians in ``.splat`` files (32 bytes each) and in Niantic's ``.spz`` ones."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import torch

from ..files.checkpoint_file import bad_weights, truncated
from .gaussians import Gaussians
from .ply_file import BAND_ZERO

SPLAT = np.dtype(
    [("place", "<f4", 3), ("scale", "<f4", 3), ("color", "u1", 4), ("rotation", "u1", 4)]
)
ROW_OF_SPLAT = SPLAT.itemsize
GZIP = b"\x1f\x8b"
ZSTD_SPZ = b"NGSP"
"""How files of version 4 begin, whose header is not packed."""
SPZ_HEADER = struct.Struct("<IIIBBBB")
SPZ_VERSIONS = (2, 3)
SPZ_COLOR = 0.15
"""Colours are 0.5 plus this times the coefficient."""
SPZ_REST = {0: 0, 1: 3, 2: 8, 3: 15}
"""Harmonics after the first, by degree."""
ANTIALIASED = 1
"""Flag of files whose training made widened footprints fainter."""


def read_splat(path: Path) -> Gaussians:
    """Gaussians of one colour each. Raises UserError."""
    size = path.stat().st_size
    if size % ROW_OF_SPLAT:
        raise truncated(path)
    rows = np.fromfile(path, SPLAT)
    color = rows["color"].astype(np.float32) / 255
    with np.errstate(divide="ignore", invalid="ignore"):
        log_scales = np.log(rows["scale"])
    return Gaussians(
        torch.from_numpy(rows["place"].copy()),
        torch.from_numpy(log_scales),
        torch.from_numpy((rows["rotation"].astype(np.float32) - 128) / 128),
        torch.logit(torch.from_numpy(color[:, 3].copy())),
        torch.from_numpy((color[:, None, :3] - 0.5) / np.float32(BAND_ZERO)),
    )


def is_spz(head: bytes) -> bool:
    """Whether a file that begins so is Niantic's: gzip, and in it their header."""
    if not head.startswith(GZIP):
        return False
    try:
        begin = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, SPZ_HEADER.size)
    except zlib.error:
        return False
    return begin[:4] == ZSTD_SPZ


def read_spz(path: Path) -> Gaussians:
    """Gaussians of version 2 or 3, in the file's own coordinates (x right, y up).

    Raises:
        UserError: the file is not whole, or of another version.
    """
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    data = path.read_bytes()
    try:
        head = unpacking.decompress(data, SPZ_HEADER.size)
        _, version, count, degree, fraction, flags, _ = SPZ_HEADER.unpack(head)
        if version not in SPZ_VERSIONS or degree not in SPZ_REST:
            raise bad_weights(path, f"version {version} with harmonics of degree {degree} of .spz")
        widths = (9, 1, 3, 3, 4 if version == 3 else 3, 3 * SPZ_REST[degree])
        if count * sum(widths) > 1100 * len(data):  # no gzip file grows more than that
            raise truncated(path)
        body = unpacking.decompress(unpacking.unconsumed_tail, max(1, count * sum(widths)))
    except (zlib.error, struct.error) as error:
        raise truncated(path) from error
    if len(body) < count * sum(widths):
        raise truncated(path)
    columns, first = [], 0
    for width in widths:
        values = np.frombuffer(body, np.uint8, count * width, first)
        columns.append(values.reshape(count, width))
        first += count * width
    return _of_columns(columns, fraction, bool(flags & ANTIALIASED))


def _of_columns(columns: list[np.ndarray], fraction: int, antialiased: bool) -> Gaussians:
    """From the bytes of places, opacities, colours, scales, rotations and harmonics.

    Args:
        fraction: bits of the places after the point.
    """
    places, alphas, colors, scales, rotations, rest = columns
    low, middle, high = np.moveaxis(places.reshape(-1, 3, 3).astype(np.int32), 2, 0)
    fixed = low | middle << 8 | high << 16
    fixed -= (fixed & 0x800000) << 1  # the highest bit is the sign
    opacity = (alphas[:, 0].astype(np.float32) / 255).clip(1 / 255, 254 / 255)
    flat = (colors.astype(np.float32) / 255 - 0.5) / SPZ_COLOR
    more = (rest.astype(np.float32) - 128) / 128
    harmonics = np.concatenate([flat[:, None], more.reshape(len(more), -1, 3)], axis=1)
    turned = _smallest_three(rotations) if rotations.shape[1] == 4 else _first_three(rotations)
    return Gaussians(
        torch.from_numpy((fixed / 2.0**fraction).astype(np.float32)),
        torch.from_numpy(scales.astype(np.float32) / 16 - 10),
        torch.from_numpy(turned.astype(np.float32)),
        torch.logit(torch.from_numpy(opacity)),
        torch.from_numpy(harmonics.astype(np.float32)),
        antialiased,
    )


def _first_three(packed: np.ndarray) -> np.ndarray:
    """Quaternions w, x, y, z of which x, y and z are bytes; w is not negative."""
    three = packed / 127.5 - 1
    w = np.sqrt(np.clip(1 - (three**2).sum(axis=1, keepdims=True), 0, None))
    return np.concatenate([w, three], axis=1)


def _smallest_three(packed: np.ndarray) -> np.ndarray:
    """Quaternions w, x, y, z of which the largest part was left out.

    Of the 32 bits, the upper two are its number among x, y, z, w. The others follow from the
    highest to the lowest, each nine bits of size below a bit of sign.
    """
    bits = np.ascontiguousarray(packed).view("<u4")[:, 0].astype(np.int64)
    largest, rows = bits >> 30, np.arange(len(bits))
    found = np.zeros((len(bits), 4))
    for part in (3, 2, 1, 0):
        stored = largest != part
        size = (bits & 511) / 511 * 0.5**0.5
        value = np.where(bits >> 9 & 1, -size, size)
        found[stored, part] = value[stored]
        bits = np.where(stored, bits >> 10, bits)
    found[rows, largest] = np.sqrt(np.clip(1 - (found**2).sum(axis=1), 0, None))
    return found[:, [3, 0, 1, 2]]
