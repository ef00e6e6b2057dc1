"""What a Plenoxels file (svox2's ``ckpt.npz``) says, checked and in plain types.

A dense grid of links, each the row of a voxel's density and spherical harmonics or negative where
nothing is. The grid's outermost layers of voxels speak for half a voxel more, up to the box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from ....core.errors import UserError
from ..components.node_grids import cell_corners, weighted_rows
from ..files.checkpoint_file import Checkpoint, bad_weights, checked_weight
from ..files.chosen_file import ChosenFile
from ..files.npz_arrays import NpzArrays, array_names, open_npz

MAX_NODES = 2**28
"""Most nodes of the grid; the largest usual one has a quarter less."""
MAX_SIDE = 4096
MAX_ROWS = 2**27
BASES = (1, 4, 9)
"""Spherical harmonics per colour: degree 0, 1 or 2."""
HARMONICS = 1
"""The value of ``basis_type`` that stands for spherical harmonics."""


@dataclass(frozen=True)
class SparseVoxels:
    """The part of the grid that holds anything, with a layer of voxels more on each side.

    Beyond the grid's faces that layer repeats the outermost voxels, which is what limiting look-ups
    to the grid means. Elsewhere it has no density.
    """

    links: Int[Tensor, "x y z"]
    """Rows in ``coefficients``, negative for none."""
    density: Float[Tensor, "z y x"]
    coefficients: Float[Tensor, "n c"]
    """Red's harmonics, then green's, then blue's; half precision, as in the file."""
    scale: Float[Tensor, " 3"]
    offset: Float[Tensor, " 3"]
    """Grid-frame points times ``scale`` plus ``offset`` are in [-1, 1]^3 inside this part."""

    def to(self, device: torch.device) -> SparseVoxels:
        """The voxels on a device."""
        return SparseVoxels(
            self.links.to(device),
            self.density.to(device),
            self.coefficients.to(device),
            self.scale.to(device),
            self.offset.to(device),
        )

    def place(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid-frame points in this part's own frame, those outside on its empty faces."""
        return torch.addcmul(self.offset, points, self.scale).clamp_(-1, 1)

    def harmonics(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        """The coefficients between the voxels' middles, at grid-frame points."""
        x, y, z = self.links.shape
        index, weights = cell_corners(self.place(points), (x, y, z))
        link = self.links.view(-1)[index]
        weights = weights * (link >= 0)
        return weighted_rows(self.coefficients, link.clamp_min(0).long(), weights)


@dataclass(frozen=True)
class PlenoxelsModel:
    """Everything in the file that is used, on one device."""

    box: Float[Tensor, "2 3"]
    """Box of the grid with its outer half voxels: field frame or NDC."""
    grid_size: tuple[int, int, int]
    """Voxels along x, y, z."""
    voxels: SparseVoxels
    basis: int
    """Spherical harmonics per colour."""
    background_layers: int
    """Number of the spheres around the grid, which are not used."""


def open_archive(chosen: ChosenFile) -> Checkpoint | None:
    """The arrays of an archive with the links and what they lead to; None of anything else.

    Raises:
        UserError: code ``truncated`` or ``bad_weights``; see `open_npz`.
    """
    names = array_names(chosen.path, chosen.head)
    if "links" not in names or not names & {"density_data", "data"}:
        return None
    return Checkpoint(chosen.path, open_npz(chosen.path))


def read_model(checkpoint: Checkpoint, *, device: torch.device, faint: float) -> PlenoxelsModel:
    """Check and take apart a Plenoxels file.

    Args:
        checkpoint: the archive.
        device: where the weights go.
        faint: density times half a voxel's width up to which a voxel counts as empty.

    Raises:
        UserError: code ``bad_weights`` when anything is missing, of the wrong size, not finite or
            not supported.
    """
    arrays, path = checkpoint.data, checkpoint.path
    assert isinstance(arrays, NpzArrays)
    _check_basis(arrays)
    box = _box(arrays)
    links = _links(arrays)
    density, coefficients = _rows(arrays, int(links.max()) + 1)
    size = (links.shape[0], links.shape[1], links.shape[2])
    voxel = float(((box[1] - box[0]) / torch.tensor(size)).min())
    voxels = _cropped(links, density, coefficients, faint / (voxel / 2), path)
    layers = arrays.shapes.get("background_data", ())
    return PlenoxelsModel(
        box=box.to(device),
        grid_size=size,
        voxels=voxels.to(device),
        basis=coefficients.shape[1] // 3,
        background_layers=layers[1] if len(layers) == 3 else 0,
    )


def _check_basis(arrays: NpzArrays) -> None:
    kind = int(arrays.read("basis_type")) if arrays.shapes.get("basis_type") == () else HARMONICS
    if kind != HARMONICS or "basis_data" in arrays:
        raise UserError(
            f"{arrays.path} is a Plenoxels model with learned colour functions, which are not "
            "supported; train it with spherical harmonics (svox2's default).",
            code="bad_weights",
        )


def _box(arrays: NpzArrays) -> Float[Tensor, "2 3"]:
    found = {}
    for name, usual in (("radius", 1.0), ("center", 0.0)):
        state = {name: torch.full((3,), usual)}
        if name in arrays:
            state[name] = torch.from_numpy(arrays.read(name))
        found[name] = checked_weight(state, name, (3,), path=arrays.path)
    if not (found["radius"] > 0).all():
        raise bad_weights(arrays.path, "its box is empty")
    return torch.stack([found["center"] - found["radius"], found["center"] + found["radius"]])


def _links(arrays: NpzArrays) -> Int[Tensor, "x y z"]:
    shape = arrays.shapes["links"]
    if len(shape) != 3 or min(shape) < 2 or max(shape) > MAX_SIDE or math.prod(shape) > MAX_NODES:
        text = "x".join(map(str, shape))
        raise bad_weights(arrays.path, f"its grid of {text} is unbelievably small or large")
    links = arrays.read("links")
    if links.dtype.kind != "i":
        raise bad_weights(arrays.path, "its links are not whole numbers")
    if links.max() >= MAX_ROWS or links.max() < 0:
        raise bad_weights(arrays.path, "its links lead nowhere")
    return torch.from_numpy(links.clip(min=-1).astype(np.int32, copy=False))


def _rows(arrays: NpzArrays, count: int) -> tuple[Float[Tensor, " n"], Float[Tensor, "n c"]]:
    """Densities and coefficients of ``count`` rows, which all must be there."""
    old = "data" in arrays
    names = ("data",) if old else ("density_data", "sh_data")
    for name in names:
        shape = arrays.shapes.get(name, ())
        if len(shape) != 2 or not count <= shape[0] <= MAX_ROWS:
            raise bad_weights(arrays.path, f"its {name!r} does not have the rows of its links")
    columns = arrays.shapes[names[-1]][1] - old
    if columns not in [3 * basis for basis in BASES]:
        raise bad_weights(arrays.path, f"its {columns} colour values are no spherical harmonics")
    found = [torch.from_numpy(arrays.read(name)[:count]) for name in names]
    density, coefficients = (found[0][:, 0], found[0][:, 1:]) if old else (found[0][:, 0], found[1])
    for values in (density, coefficients):
        if not values.is_floating_point() or not bool(torch.isfinite(values).all()):
            raise bad_weights(arrays.path, "it holds values that are not numbers")
    return density.float(), coefficients.to(torch.float16).contiguous()


def _cropped(
    links: Int[Tensor, "x y z"],
    density: Float[Tensor, " n"],
    coefficients: Float[Tensor, "n c"],
    faint: float,
    path: Path,
) -> SparseVoxels:
    """The part of the grid around all voxels denser than ``faint``."""
    dense = torch.cat([density > faint, torch.zeros(1, dtype=torch.bool)])  # -1 is the last one
    solid = torch.stack([dense[layer.long()] for layer in links])
    size = torch.tensor(links.shape)
    ranges = []
    for axis in range(3):
        others = [other for other in range(3) if other != axis]
        found = solid.any(dim=others[1]).any(dim=others[0]).nonzero().squeeze(1)
        if not len(found):
            raise bad_weights(path, "there is nothing in its grid")
        ranges.append((int(found[0]) - 1, int(found[-1]) + 1))
    part = links
    for axis, (first, last) in enumerate(ranges):
        index = torch.arange(first, last + 1).clamp(0, links.shape[axis] - 1)
        part = part.index_select(axis, index)
    values = torch.cat([density, torch.zeros(1)])
    volume = torch.stack([values[layer.long()].T for layer in part], dim=2)
    lowest, intervals = torch.tensor([r[0] for r in ranges]), torch.tensor(part.shape) - 1
    return SparseVoxels(
        links=part.contiguous(),
        density=volume.contiguous(),
        coefficients=coefficients,
        scale=size / intervals,
        offset=(size - 1 - 2 * lowest) / intervals - 1,
    )
