"""What a result remembers of the field that it was made in, to tell another one from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from ...core.errors import UserError
from ..fields.protocol import RadianceField

NODES = 20
"""Places along each side of the grid frame where the density is remembered."""
MOST = 6e4
"""Densities beyond it are remembered as it; half precision ends there."""
SAME_BOX, SAME_DENSITY = 0.01, 0.1
"""Difference that arithmetic may make: as a share of the box's longest side, of the larger one."""
FEWEST = 8
"""Dense places below which the densities tell nothing."""


@dataclass(frozen=True)
class FieldFacts:
    """Facts of a field that no other is likely to share."""

    family: str
    scene: str
    box: Float[np.ndarray, "2 3"]
    """Smallest and largest corner, field frame."""
    density: Float[np.ndarray, " n"]
    """Half precision, at the `NODES` to the third places of a lattice in the grid frame."""

    def arrays(self) -> dict[str, np.ndarray]:
        """The facts as members of a result's ``.npz``."""
        return {"field_box": self.box, "field_density": self.density}

    def names(self) -> dict[str, str]:
        """The facts as part of a result's JSON."""
        return {"family": self.family, "scene": self.scene}

    @staticmethod
    def read(names: Any, data: Any) -> FieldFacts:
        """From `names` and a file with `arrays`. Raises KeyError, TypeError or ValueError."""
        box = data["field_box"].astype(np.float32)
        density = data["field_density"].astype(np.float16)
        if box.shape != (2, 3) or density.shape != (NODES**3,):
            raise ValueError("facts of a field in another shape")
        return FieldFacts(str(names["family"]), str(names["scene"]), box, density)


def field_facts(field: RadianceField) -> FieldFacts:
    """The facts of a loaded field; takes thousands of densities, far less than a view."""
    side = (torch.arange(NODES, device=field.device) + 0.5) * (2 / NODES) - 1
    lattice = torch.cartesian_prod(side, side, side)
    with torch.no_grad():
        density = field.density(lattice).clamp(0, MOST)
    box = field.box.cpu().numpy().astype(np.float32)
    return FieldFacts(field.family, field.scene, box, density.cpu().numpy().astype(np.float16))


def check_same_field(made_in: FieldFacts | None, field: RadianceField, checkpoint: Path) -> None:
    """Refuse to use a result in another field than the one it was made in.

    Args:
        made_in: what the result remembers; None of one that an earlier version wrote.
        checkpoint: where ``field`` is from.

    Raises:
        UserError: code ``other_field``.
    """
    found = None if made_in is None else _difference(made_in, field_facts(field))
    if found is not None:
        raise UserError(
            f"{checkpoint} is not the NeRF that the result was made from ({found}); choose that "
            "one, with the files that lay beside it, or segment again.",
            code="other_field",
        )


def _difference(one: FieldFacts, other: FieldFacts) -> str | None:
    """In words; None where they are the same field."""
    if (one.family, one.scene) != (other.family, other.scene):
        return f"{other.family}, {other.scene} instead of {one.family}, {one.scene}"
    if np.abs(one.box - other.box).max() > SAME_BOX * np.ptp(one.box, axis=0).max():
        return "its box is another"
    return None if _same_density(one.density, other.density) else "its density is another"


def _same_density(one: Float[np.ndarray, " n"], other: Float[np.ndarray, " n"]) -> bool:
    """Whether most places that are dense in either field are about as dense in both."""
    larger = np.maximum(one, other).astype(np.float32)
    if not larger.any():
        return True
    dense = larger > np.median(larger[larger > 0])
    if dense.sum() < FEWEST:
        return True
    apart = np.abs(one.astype(np.float32) - other.astype(np.float32))
    return bool((apart[dense] <= SAME_DENSITY * larger[dense]).mean() > 0.5)
