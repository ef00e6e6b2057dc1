"""A finished segmentation: one mask grid per object, on disk and in new views."""

from __future__ import annotations

import io
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from ...core.errors import UserError
from ...core.files import written_whole
from ...core.prompts import check_name
from ...core.settings import FieldOptions, settings_from_json, settings_to_json
from ..rendering.render import View
from .field_facts import FieldFacts
from .mask_grid import MaskGrid
from .visual_hull import shown

FORMAT = 1
DAMAGE = (
    *(OSError, EOFError, BadZipFile, zlib.error, NotImplementedError),
    *(LookupError, ValueError, TypeError, AttributeError, RecursionError),
)
"""What a file that is damaged, forged or something else makes its readers raise."""


@dataclass(frozen=True)
class SegmentedObject:
    """One object's mask grid, positive where the object is."""

    name: str
    lower: Float[Tensor, " 3"]
    """Smallest corner of the grid's region, grid frame; nodes lie on the region's faces."""
    upper: Float[Tensor, " 3"]
    values: Float[Tensor, "x y z"]
    """In [-1, 1] (share of votes), or the paper's unbounded score when ``soft``."""
    free: Bool[Tensor, "x y z"]
    """Nodes known to be free space: some view looks through them."""
    level: float
    """Density at which rendering meets the object's surface."""
    soft: bool = False
    """Render the paper's way (eq. 3 on scores) instead of deciding samples first."""
    hazy: bool = False
    """The field is hazy here: the object was found by its outlines, and values are its surface."""
    primitives: Int64[Tensor, " k"] | None = None
    """Numbers of the Gaussians that are the object, in order, where the field is made of such."""

    def at(self, points: Float[Tensor, "s 3"]) -> Float[Tensor, " s"]:
        """Interpolated value at grid-frame points; zero outside the region."""
        return self.interpolated(self.values, points)

    def interpolated(
        self, values: Float[Tensor, "x y z"], points: Float[Tensor, "s 3"]
    ) -> Float[Tensor, " s"]:
        """Other values of the same nodes at grid-frame points; zero outside the region."""
        return MaskGrid(self.lower, self.upper, values, values).sample(values, points)

    def mask(self, view: View) -> Bool[np.ndarray, "h w"]:
        """The object in a view: pixels whose opacity is more than half the object.

        In a hazy field: pixels whose rays come to its surface, see `haze.shown`. In a splat its
        Gaussians decide.
        """
        if self.primitives is not None and view.samples.primitive is not None:
            own = torch.isin(view.samples.primitive, self.primitives)
            return (view.render_scalar(own.float()) > 0.5).cpu().numpy()
        if self.hazy and not self.soft:
            return shown(self.values, self.lower, self.upper, view)
        values = self.at(view.samples.points)
        if self.soft:
            return (view.render_scalar(values) > 0).cpu().numpy()
        return (view.render_scalar((values > 0).float()) > 0.5).cpu().numpy()


@dataclass(frozen=True)
class SegmentResult:
    """All objects of one run and what is needed to use them again."""

    checkpoint: str
    options: FieldOptions
    objects: tuple[SegmentedObject, ...]
    made_in: FieldFacts | None = None
    """Facts that tell the field; None where an earlier version wrote the file."""

    def save(self, path: Path) -> None:
        """Write a compressed ``.npz`` without pickles."""
        meta: dict[str, Any] = {
            "format": FORMAT,
            "checkpoint": self.checkpoint,
            "options": settings_to_json(self.options),
            "objects": [
                {"name": o.name, "soft": o.soft, "level": o.level, "hazy": o.hazy}
                for o in self.objects
            ],
        }
        if self.made_in is not None:
            meta["field"] = self.made_in.names()
        arrays = {"meta": np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8)}
        arrays |= {} if self.made_in is None else self.made_in.arrays()
        for i, entry in enumerate(self.objects):
            arrays[f"region_{i}"] = torch.stack([entry.lower, entry.upper]).cpu().numpy()
            arrays[f"values_{i}"] = entry.values.cpu().numpy().astype(np.float16)
            arrays[f"free_{i}"] = np.packbits(entry.free.cpu().numpy())
            if entry.primitives is not None:
                arrays[f"primitives_{i}"] = entry.primitives.cpu().numpy().astype(np.int32)
        packed = io.BytesIO()  # a zip that fails on a full disk complains once more when collected
        np.savez_compressed(packed, **arrays)
        with written_whole(path) as temporary:
            temporary.write_bytes(packed.getbuffer())

    def checkpoint_now(self, moved: Path | None) -> Path:
        """The checkpoint of the field that it was made in.

        Args:
            moved: where it is now; where the result says when not given.

        Raises:
            UserError: code ``missing_file`` where it is not there any more.
        """
        path = moved or Path(self.checkpoint)
        if moved is None and not path.exists():
            raise UserError(
                f"The NeRF that the result was made from is no longer at {path}; add --checkpoint "
                "FILE with the place where it is now.",
                code="missing_file",
            )
        return path

    @staticmethod
    def load(path: Path, *, device: torch.device) -> SegmentResult:
        """Read what `save` wrote. Raises UserError when the file is missing or something else."""
        try:
            with np.load(path, allow_pickle=False) as data:
                meta = json.loads(data["meta"].tobytes())
                if meta["format"] != FORMAT:
                    raise ValueError(f"format {meta['format']}")
                objects = []
                for i, entry in enumerate(meta["objects"]):
                    check_name(str(entry["name"]))
                    region, values = _checked_grid(data[f"region_{i}"], data[f"values_{i}"])
                    region, values = region.to(device), values.to(device)
                    bits = np.unpackbits(data[f"free_{i}"], count=values.numel()).astype(bool)
                    objects.append(
                        SegmentedObject(
                            name=str(entry["name"]),
                            lower=region[0],
                            upper=region[1],
                            values=values,
                            free=torch.from_numpy(bits).view(values.shape).to(device),
                            level=float(entry["level"]),
                            soft=bool(entry["soft"]),
                            hazy=bool(entry.get("hazy", False)),
                            primitives=_primitives(data, f"primitives_{i}", device),
                        )
                    )
                if not objects:
                    raise ValueError("no objects")
                options = settings_from_json(FieldOptions, meta["options"])
                facts = FieldFacts.read(meta["field"], data) if "field" in meta else None
                return SegmentResult(str(meta["checkpoint"]), options, tuple(objects), facts)
        except FileNotFoundError as error:
            raise UserError(f"There is no result at {path}.", code="missing_file") from error
        except DAMAGE as error:
            raise UserError(
                f"{path} is not a result of sa3d segment ({error}); run the segmentation again."
            ) from error


def _primitives(data: Any, name: str, device: torch.device) -> Int64[Tensor, " k"] | None:
    """Saved numbers of Gaussians; None where there are none. Raises ValueError."""
    if name not in data:
        return None
    numbers = data[name]
    if numbers.ndim != 1 or numbers.dtype != np.int32 or (numbers < 0).any():
        raise ValueError("numbers of Gaussians that are none")
    return torch.from_numpy(numbers.astype(np.int64)).to(device)


def _checked_grid(
    region: np.ndarray, values: np.ndarray
) -> tuple[Float[Tensor, "2 3"], Float[Tensor, "x y z"]]:
    """A saved grid's corners and values. Raises ValueError when they are no grid's."""
    region, values = region.astype(np.float32), values.astype(np.float32)
    if values.ndim != 3 or min(values.shape) < 2 or np.isnan(values).any():
        raise ValueError(f"a mask grid of {values.shape}")
    if region.shape != (2, 3) or not np.isfinite(region).all() or (region[0] >= region[1]).any():
        raise ValueError("a mask grid without a region")
    return torch.from_numpy(region), torch.from_numpy(values)
