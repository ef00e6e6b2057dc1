"""Nerfacto models of nerfstudio: hash-encoded, unbounded, sampled where small networks propose.

After "Nerfstudio: A Modular Framework for Neural Radiance Field Development" (Tancik et al.,
SIGGRAPH 2023). The field frame is the training's own (``dataparser_transforms.json`` leads there
from the data set's); the grid frame is all of space drawn together into a cube.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from ....core.settings import FieldOptions
from ...run import Run
from ..family import Family, shared_facts
from ..files.checkpoint_file import Checkpoint
from ..files.nerfstudio_files import TRANSFORMS, dataset_transform
from ..rays import Rays, Samples
from ..sampling.hierarchical import Evaluated, evaluate, heavy_samples
from ..sampling.occupancy import CellGrid
from ..spaces.contraction import ContractedSpace
from ..spaces.stepped_rays import BoxSpace
from .baking import ProposalVolume, occupied_cells, proposal_volumes
from .checkpoint import (
    DensityNetwork,
    NerfactoNetworks,
    count_proposals,
    model_weights,
    read_networks,
)
from .nerfstudio_cameras import training_cameras
from .nerfstudio_run import RunConfig, open_run, run_files
from .proposal_sampling import Spacing, first_edges, next_edges
from .settings import NerfactoSettings, check_method, choose_settings

MIN_WEIGHT = 5e-4
"""Samples of less weight are left out; they would cost a colour each."""

NO_TRANSFORM = (
    f"There is no {TRANSFORMS} of the training beside the file, so camera files are taken to be in "
    "the training's own coordinates; copy the run's whole folder if they do not fit."
)

NerfactoSpace = ContractedSpace | BoxSpace


@dataclass(frozen=True)
class StraightRays:
    """Field-frame rays by distance, their samples in the grid frame; `PlacedRays`."""

    rays: Rays
    space: NerfactoSpace

    @property
    def first(self) -> Float[Tensor, " n"]:
        """Rays begin at their origin."""
        return torch.zeros_like(self.rays.origins[:, 0])

    def points(self, rows: Int64[Tensor, " a"], z: Float[Tensor, "a b"]) -> Float[Tensor, "a b 3"]:
        """Where samples of some rays lie, grid frame."""
        origins, directions = self.rays.origins[rows, None], self.rays.directions[rows, None]
        points = origins + z[..., None] * directions
        return self.space.grid_from_field(points.view(-1, 3)).view_as(points)


class NerfactoField:
    """A nerfacto model as a `RadianceField`."""

    family = "nerfacto"
    pixel_center = 0.5

    def __init__(
        self,
        networks: NerfactoNetworks,
        settings: NerfactoSettings,
        cells: CellGrid,
        volumes: Sequence[ProposalVolume | None],
        field_from_dataset: np.ndarray | None,
    ) -> None:
        """Prepare networks for marching.

        Args:
            networks: the weights.
            settings: how they are used.
            cells: where the field has density.
            volumes: of the proposal networks; for None the network itself is asked.
            field_from_dataset: 4x4, from the data set's coordinates; None where nobody knows.
        """
        self._networks, self._settings = networks, settings
        self._cells, self._volumes = cells, volumes
        self._space = space_of(networks, settings)
        self._spacing = Spacing(settings.far, settings.piecewise)
        self.scene = "unbounded" if settings.contracted else "bounded"
        self.box = self._space.box
        self.background = torch.full((3,), settings.background, device=self.box.device)
        self.notes = settings.notes
        self._field_from_dataset = field_from_dataset
        if field_from_dataset is None:
            self.notes += (NO_TRANSFORM,)

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.box.device

    def march(self, rays: Rays, *, with_color: bool, faint: float = 0.0) -> Samples:
        """The samples along field-frame rays that weigh more than `MIN_WEIGHT`."""
        placed = StraightRays(rays, self._space)
        edges = self._edges(placed)
        middles, lengths = (edges[:, 1:] + edges[:, :-1]) / 2, edges.diff(dim=1)
        view = self._networks.color.per_ray(rays.directions)

        def color(part: Evaluated) -> Tensor:
            seen = view.index_select(0, part.ray_index)
            return self._networks.color(part.hidden, part.points, seen)

        parts: Iterable[Evaluated] = evaluate(
            placed, middles, lengths, self._field_output, self._cells
        )
        if self._settings.extends_last_sample:
            parts = self._with_rest(parts, placed, middles)
        return heavy_samples(parts, MIN_WEIGHT, color if with_color else None, device=self.device)

    def density(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, " n"]:
        """Volume density at grid-frame points, per unit of field-frame length.

        It is zero outside the grid and in known empty space.
        """
        finite = points.nan_to_num(torch.inf)
        live = self._cells(finite).nonzero().squeeze(1)
        sigma = torch.zeros(len(points), device=points.device)
        return sigma.index_copy_(0, live, self._field_output(finite.index_select(0, live))[0])

    def color(
        self, points: Float[Tensor, "n 3"], directions: Float[Tensor, "n 3"]
    ) -> Float[Tensor, "n 3"]:
        """Colour in [0, 1] at grid-frame points seen along unit field-frame directions."""
        _, features = self._field_output(points)
        return self._networks.color(features, points, self._networks.color.per_ray(directions))

    def grid_from_field(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Field frame to grid frame, [-1, 1]^3."""
        return self._space.grid_from_field(points)

    def field_from_grid(self, points: Float[Tensor, "n 3"]) -> Float[Tensor, "n 3"]:
        """Grid frame to field frame."""
        return self._space.field_from_grid(points)

    def info(self) -> dict[str, Any]:
        """Plain facts for ``sa3d info``."""
        settings, grid = self._settings, self._networks.field.grid
        return shared_facts(self) | {
            "model": f"{len(grid.levels)} levels of {grid.features} features",
            "backend": "tiny-cuda-nn" if self._networks.packed else "torch",
            "background": "last sample"
            if settings.extends_last_sample
            else self.background.tolist(),
            "samples_per_ray": [*settings.proposal_samples, settings.samples],
            "field_from_dataset": None
            if self._field_from_dataset is None
            else self._field_from_dataset.tolist(),
        }

    def _edges(self, rays: StraightRays) -> Float[Tensor, "n e"]:
        """Distances of the edges of the bins that the field itself is asked in."""
        settings = self._settings
        s = first_edges(len(rays.rays), settings.proposal_samples[0], device=self.device)
        networks = self._networks.proposals
        for i, following in enumerate([*settings.proposal_samples[1:], settings.samples]):
            number = min(i, len(networks) - 1)
            weights = self._proposed(rays, self._spacing.distance(s), number)
            s = next_edges(s, weights, following)
        return self._spacing.distance(s)

    def _proposed(
        self, rays: StraightRays, edges: Float[Tensor, "n e"], number: int
    ) -> Float[Tensor, "n k"]:
        """Weights of the bins by a proposal network."""
        network = self._networks.proposals[number]

        volume = self._volumes[number]

        def density(points: Tensor) -> tuple[Tensor, Tensor]:
            if volume is None:
                sigma, _ = self._ask(network, points)
            else:
                sigma = volume(points) * self._settings.density_factor
            return sigma, sigma

        middles, lengths = (edges[:, 1:] + edges[:, :-1]) / 2, edges.diff(dim=1)
        weights = torch.zeros_like(middles)
        for part in evaluate(rays, middles, lengths, density, None):
            weights[part.ray_index, part.column] = part.weights
        return weights

    def _with_rest(
        self, parts: Iterable[Evaluated], rays: StraightRays, middles: Float[Tensor, "n k"]
    ) -> Iterator[Evaluated]:
        """What was evaluated, then each ray's last sample for all light that is left."""
        left = torch.ones_like(middles[:, 0])
        for part in parts:
            left.index_add_(0, part.ray_index, part.weights, alpha=-1)
            yield part
        rows = (left > MIN_WEIGHT).nonzero().squeeze(1)
        z = middles[rows, -1:]
        points = rays.points(rows, z)[:, 0]
        _, features = self._field_output(points)
        column = torch.full_like(rows, middles.shape[1] - 1)
        yield Evaluated(rows, column, points, z[:, 0], left[rows], features)

    def _field_output(self, points: Float[Tensor, "n 3"]) -> tuple[Tensor, Tensor]:
        """Densities [n] and features [n 15] at grid-frame points."""
        return self._ask(self._networks.field, points)

    def _ask(self, network: DensityNetwork, points: Float[Tensor, "n 3"]) -> tuple[Tensor, Tensor]:
        """Densities [n] and the network's other outputs; no density outside the grid frame."""
        unit = (points + 1) / 2
        inside = ((unit > 0) & (unit < 1)).all(dim=1)
        output = network(unit * inside[:, None])
        return output[:, 0].exp() * self._settings.density_factor * inside, output[:, 1:]


def space_of(networks: NerfactoNetworks, settings: NerfactoSettings) -> NerfactoSpace:
    """All of space, contracted outside the cube of side 2; or the scene box."""
    box = networks.box
    if not settings.contracted:
        return BoxSpace(box, near=0.0, step=1.0, distance_scale=1.0)
    return ContractedSpace(
        norm="inf", center=torch.zeros_like(box[0]), radius=1.0, margin=1.0, step=1.0, interval=1.0
    )


def load(
    checkpoint: Checkpoint, options: FieldOptions, *, device: torch.device, run: Run
) -> NerfactoField:
    """The field in a nerfacto checkpoint.

    Raises:
        UserError: code ``bad_weights``, or ``unknown_format`` for nerfstudio's other methods.
    """
    config: RunConfig | None = checkpoint.config
    weights = model_weights(checkpoint)
    check_method(checkpoint, config, set(weights))
    settings = choose_settings(checkpoint, config, options, count_proposals(weights))
    networks = read_networks(checkpoint, settings, device=device)
    cells = occupied_cells(networks, settings, run)
    volumes = proposal_volumes(networks, run)
    moved = dataset_transform(checkpoint.path)
    return NerfactoField(networks, settings, cells, volumes, moved)


FAMILY = Family(
    open=open_run,
    load=load,
    training_cameras=training_cameras,
    side_files=run_files,
)
