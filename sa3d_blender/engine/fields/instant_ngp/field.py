"""Instant-NGP's snapshots: a hash grid, two small networks, and a grid of occupied cells.

After "Instant Neural Graphics Primitives with a Multiresolution Hash Encoding" (Mueller et al.,
SIGGRAPH 2022). The field frame is the data set's own, as in its ``transforms.json``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from ....core.settings import FieldOptions
from ...run import Run
from ..family import Family, shared_facts
from ..files.checkpoint_file import Checkpoint
from ..sampling.marched_field import MarchedField
from ..sampling.marching import Occupancy
from ..scene_choice import SceneChoice
from .networks import NgpNetworks, read_networks
from .occupancy import NestedCells, occupancy_of, read_cells
from .scene import NgpScene, read_scene, training_cameras
from .snapshot import open_snapshot
from .space import CYCLE, NgpSpace

MIN_WEIGHT = 1e-5
"""Samples of less weight are left out. Steps are small, so faint ones add up until merged."""


class InstantNgpField(MarchedField):
    """A snapshot as a `RadianceField`."""

    family = "instant_ngp"

    def __init__(
        self, networks: NgpNetworks, scene: NgpScene, space: NgpSpace, cells: NestedCells
    ) -> None:
        """Prepare networks for marching."""
        self._networks, self._details, self._cells = networks, scene, cells
        self._cycled = scene.cycled
        super().__init__(
            SceneChoice("bounded", scene.background[0], None, scene.notes),
            space,
            networks.color,
            space.box,
            density_scale=scene.scale,
            min_weight=MIN_WEIGHT,
        )
        self.background = torch.tensor(scene.background, device=space.box.device)

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Volume density at grid-frame points, per unit of field-frame length.

        It is zero outside the grid and in cells that were never occupied.
        """
        finite = points.nan_to_num(2.0)
        occupied = (finite.abs() <= 1).all(dim=1) & self._cells.within(finite)
        live = occupied.nonzero().squeeze(1)
        sigma = torch.zeros(len(points), device=points.device)
        return sigma.index_copy_(0, live, super().density(points.index_select(0, live)))

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""
        shape, scene = self._networks.shape, self._details
        return shared_facts(self) | {
            "model": f"{shape.levels} levels of {shape.features} features",
            "aabb_scale": scene.aabb_scale,
            "scale": scene.scale,
            "offset": scene.offset,
            "colors": "linear, encoded for display" if scene.hdr else "display",
        }

    def _raw_density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        return self._features(points)[:, 0].exp()

    def _features(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n c"]:
        unit = ((points + 1) / 2).clamp(0, 1)
        ordered = unit[:, CYCLE] if self._cycled else unit
        return self._networks.density(self._networks.grid(ordered))

    def _known_occupancy(self) -> Occupancy:
        return occupancy_of(self._cells)


def load(
    checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device, run: Run
) -> InstantNgpField:
    """The field in a snapshot. Raises UserError (``bad_weights``)."""
    scene = read_scene(checkpoint, options)
    networks = read_networks(
        checkpoint,
        aabb_scale=scene.aabb_scale,
        exposure=scene.exposure,
        hdr=scene.hdr,
        device=device,
    )
    box = torch.from_numpy(scene.field_box()).float().to(device)
    space = NgpSpace(box, scale=scene.scale, cone=scene.cone, cycled=scene.cycled)
    middle = scene.field_from_ngp(np.full((1, 3), 0.5))[0]
    cells = read_cells(
        checkpoint.data["snapshot"],
        space,
        torch.from_numpy(middle).float().to(device),
        checkpoint.path,
    )
    return InstantNgpField(networks, scene, space, cells)


FAMILY = Family(
    open=open_snapshot,
    load=load,
    training_cameras=training_cameras,
)
