"""Gaussians in ``.ply`` files: the original layout, and SuperSplat's compressed one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.lib.recfunctions import structured_to_unstructured
from plyfile import PlyData, PlyElement, PlyParseError

from ....core.files import written_whole
from ..files.checkpoint_file import bad_weights, first_bytes, truncated
from .gaussians import DEGREES, Gaussians

PLY_STARTS = (b"ply\n", b"ply\r")
HEAD = 1 << 16
"""Bytes within which a header ends."""
COUNT = re.compile(rb"element\s+\w+\s+(\d+)")
PLACE = ("x", "y", "z")
FLAT_COLOR = ("f_dc_0", "f_dc_1", "f_dc_2")
SCALES = ("scale_0", "scale_1", "scale_2")
ROTATION = ("rot_0", "rot_1", "rot_2", "rot_3")
PACKED = ("packed_position", "packed_rotation", "packed_scale", "packed_color")
NORMALS = ("nx", "ny", "nz")
PER_CHUNK = 256
"""Gaussians that share their ranges in the compressed layout."""
BAND_ZERO = 0.28209479177387814
"""The first spherical harmonic: colour is 0.5 plus it times the coefficient."""
ROWS = 1 << 16
"""Of a file, that are taken apart together."""


def has_gaussians(head: bytes) -> bool:
    """Whether a PLY file that begins so has Gaussians in the original layout."""
    names = (FLAT_COLOR[0], "opacity", SCALES[0], ROTATION[0])
    return all(re.search(rb"\s" + name.encode() + rb"\s", head) for name in names)


def is_compressed(head: bytes) -> bool:
    """Whether a PLY file that begins so has SuperSplat's compressed layout."""
    return all(name.encode() in head for name in PACKED)


def read_ply(path: Path) -> Gaussians:
    """Gaussians in the original layout, of any degree. Raises UserError."""
    rows = _elements(path)["vertex"].data
    names = set(rows.dtype.names or ())
    rest = sum(name.startswith("f_rest_") for name in names)
    wanted = [*PLACE, *FLAT_COLOR, "opacity", *SCALES, *ROTATION]
    wanted += [f"f_rest_{k}" for k in range(rest)]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise bad_weights(path, f"its Gaussians have no {missing[0]}")
    if rest % 3 or 1 + rest // 3 not in DEGREES:
        raise bad_weights(path, f"{rest} is no number of spherical harmonics for three colours")
    # straight to where they stay: these are most of the memory that a splat takes
    found = Gaussians(
        means=torch.empty(len(rows), 3),
        log_scales=torch.empty(len(rows), 3),
        rotations=torch.empty(len(rows), 4),
        opacity_logits=torch.empty(len(rows)),
        harmonics=torch.empty(len(rows), 1 + rest // 3, 3),
    )
    for first in range(0, len(rows), ROWS):
        part = slice(first, first + ROWS)
        values = torch.from_numpy(_columns(rows[part], wanted))
        found.means[part], found.harmonics[part, 0] = values[:, :3], values[:, 3:6]
        found.opacity_logits[part], found.log_scales[part] = values[:, 6], values[:, 7:10]
        found.rotations[part] = values[:, 10:14]
        more = values[:, 14:].view(len(values), 3, rest // 3)
        found.harmonics[part, 1:] = more.transpose(1, 2)
    return found


def read_compressed_ply(path: Path) -> Gaussians:
    """Gaussians in SuperSplat's layout: 256 at a time in fractions of their ranges."""
    elements = _elements(path)
    if "chunk" not in elements or any(n not in elements["vertex"].data.dtype.names for n in PACKED):
        raise bad_weights(path, "it lacks a part of SuperSplat's compressed layout")
    packed = {name: elements["vertex"].data[name].astype(np.uint32) for name in PACKED}
    count = len(packed[PACKED[0]])
    ranges = elements["chunk"].data
    if len(ranges) * PER_CHUNK < count:
        raise bad_weights(path, "it has fewer chunks than its Gaussians need")
    chunk = np.arange(count) // PER_CHUNK

    def within(parts: Sequence[np.ndarray], names: Sequence[str], kind: str = "") -> np.ndarray:
        """Fractions from 0 to 1 as places between the smallest and largest of their chunk."""
        found = []
        for part, name in zip(parts, names, strict=True):
            low, high = (ranges[f"{end}_{kind}{name}"][chunk] for end in ("min", "max"))
            found.append(low + part * (high - low))
        return np.stack(found, axis=1).astype(np.float32)

    try:
        means = within(_three(packed["packed_position"]), PLACE)
        scales = within(_three(packed["packed_scale"]), PLACE, "scale_")
        *rgb, alpha = (_fraction(packed["packed_color"], shift, 8) for shift in (24, 16, 8, 0))
        has_range = "min_r" in ranges.dtype.names
        colors = within(rgb, "rgb") if has_range else np.stack(rgb, axis=1)
    except (ValueError, KeyError) as error:
        raise bad_weights(path, f"its chunks lack a range ({error})") from error
    flat = torch.from_numpy(((colors - 0.5) / BAND_ZERO).astype(np.float32))
    harmonics = torch.cat([flat[:, None], _compressed_rest(elements, count, path)], dim=1)
    return Gaussians(
        torch.from_numpy(means),
        torch.from_numpy(scales),
        torch.from_numpy(_smallest_three(packed["packed_rotation"])),
        torch.logit(torch.from_numpy(alpha.astype(np.float32))),
        harmonics,
    )


def write_gaussians(gaussians: Gaussians, path: Path) -> None:
    """Write Gaussians in the original layout; a whole file or none.

    Raises:
        UserError: the file cannot be written.
    """
    rest = gaussians.harmonics[:, 1:].transpose(1, 2).flatten(1)
    parts = (
        *((PLACE, gaussians.means), (NORMALS, torch.zeros_like(gaussians.means))),
        *((FLAT_COLOR, gaussians.harmonics[:, 0]),),
        *(([f"f_rest_{k}" for k in range(rest.shape[1])], rest),),
        *((("opacity",), gaussians.opacity_logits[:, None]), (SCALES, gaussians.log_scales)),
        *((ROTATION, gaussians.rotations),),
    )
    names = [name for some, _ in parts for name in some]
    rows = np.empty(len(gaussians), dtype=[(name, "<f4") for name in names])
    plain = rows.view("<f4").reshape(len(rows), len(names))
    first = 0
    for some, values in parts:
        plain[:, first : first + len(some)] = values.detach().cpu().numpy()
        first += len(some)
    with written_whole(path) as temporary:
        PlyData([PlyElement.describe(rows, "vertex")], byte_order="<").write(str(temporary))


def _elements(path: Path) -> dict[str, PlyElement]:
    """A PLY file's elements by name; their rows stay on the disk. Raises UserError."""
    head = first_bytes(path, HEAD)
    if b"end_header" not in head:
        raise truncated(path)
    size = path.stat().st_size
    if any(int(count) > size for count in COUNT.findall(head.partition(b"end_header")[0])):
        raise bad_weights(path, "it says that it holds more than a file of its size can")
    try:
        found = {element.name: element for element in PlyData.read(str(path), mmap="c").elements}
    except (PlyParseError, OSError, ValueError, MemoryError, EOFError) as error:
        raise truncated(path) from error
    if "vertex" not in found:
        raise bad_weights(path, "it has no points")
    return found


def _columns(rows: np.ndarray, names: Sequence[str]) -> Float[np.ndarray, "n k"]:
    """Some properties of all rows, in portions, as the rows may be larger than the memory."""
    found = np.empty((len(rows), len(names)), np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, len(rows), ROWS):
            part: Any = rows[first : first + ROWS][list(names)]
            found[first : first + ROWS] = structured_to_unstructured(part, dtype=np.float32)
    return found


def _fraction(packed: np.ndarray, shift: int, bits: int) -> np.ndarray:
    most = (1 << bits) - 1
    return (packed >> shift & most) / most


def _three(packed: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fractions of 11, 10 and 11 bits."""
    return _fraction(packed, 21, 11), _fraction(packed, 11, 10), _fraction(packed, 0, 11)


def _smallest_three(packed: np.ndarray) -> Float[np.ndarray, "n 4"]:
    """Quaternions of which the largest part was left out; its number is in the upper two bits."""
    three = np.stack([_fraction(packed, shift, 10) - 0.5 for shift in (20, 10, 0)], axis=1)
    three *= 2**0.5
    largest = np.sqrt(np.clip(1 - (three**2).sum(axis=1), 0, None))
    found = np.empty((len(packed), 4), np.float32)
    for number in range(4):
        rows = packed >> 30 == number
        found[rows, number] = largest[rows]
        found[np.ix_(rows, [k for k in range(4) if k != number])] = three[rows]
    return found


def _compressed_rest(
    elements: dict[str, PlyElement], count: int, path: Path
) -> Float[torch.Tensor, "n k 3"]:
    """The harmonics of degree 1 and more: bytes, from -4 to 4."""
    if "sh" not in elements:
        return torch.zeros(count, 0, 3)
    rows = elements["sh"].data
    names = [f"f_rest_{k}" for k in range(len(rows.dtype.names))]
    if set(names) != set(rows.dtype.names) or 1 + len(names) / 3 not in DEGREES:
        raise bad_weights(path, f"{len(names)} is no number of spherical harmonics")
    if len(rows) != count:
        raise bad_weights(path, "it has harmonics of another number of Gaussians")
    bytes_ = _columns(rows, names)
    fractions = np.select([bytes_ == 0, bytes_ == 255], [0.0, 1.0], (bytes_ + 0.5) / 256)
    values = torch.from_numpy(((fractions - 0.5) * 8).astype(np.float32))
    return values.view(count, 3, -1).transpose(1, 2).contiguous()
