"""A field, a segmenter and a result: read from their files once, and kept between jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ...core.settings import FieldOptions
from ..fields import file_stamps, load_field
from ..fields.protocol import RadianceField
from ..mask_grids.field_facts import check_same_field
from ..mask_grids.result import SegmentedObject, SegmentResult
from ..memory_use import release_memory
from ..run import Run
from ..segmenters import load_segmenter
from ..segmenters.protocol import Segmenter


@dataclass
class Loaded:
    """The last of each kind; who asks for another gets that, so this is no state."""

    device: torch.device
    field_key: tuple[Any, ...] = ()
    """What the field was read from: its files as they were, and the options."""
    _field: RadianceField | None = None
    _segmenter_key: tuple[str, str | None] = ("", None)
    _segmenter: Segmenter | None = None
    _found: tuple[Any, SegmentResult] | None = None
    """The last result that a click was answered with, and what its file was then."""

    def field(
        self, checkpoint: Path, options: FieldOptions, run: Run | None = None
    ) -> RadianceField:
        """The loaded field; read again only when one of its files or the options changed."""
        key = (file_stamps(checkpoint), options)
        if self._field is None or key != self.field_key:
            self._field = None
            run = run or Run()
            with run.timed("load"):
                self._field = load_field(Path(checkpoint), options, device=self.device, run=run)
            self.field_key = key
        return self._field

    def segmenter(self, name: str, weights: str | None, run: Run | None = None) -> Segmenter:
        """The loaded segmenter; the one before it is forgotten, as the largest take gigabytes.

        Args:
            name, weights: as `resolve_segmenter` gives them.
        """
        key = (name, weights)
        if self._segmenter is None or key != self._segmenter_key:
            if self._segmenter is not None:
                self._segmenter = None
                release_memory(self.device)
            with (run or Run()).timed("load"):
                self._segmenter = load_segmenter(
                    name, weights=Path(weights) if weights else None, device=self.device
                )
            self._segmenter_key = key
        return self._segmenter

    def unload(self) -> None:
        """Forget the field and the segmenter, and give their memory back."""
        self._field, self.field_key = None, ()
        self._segmenter = None
        release_memory(self.device)

    def found_before(self, result: Path, names: Mapping[str, str]) -> dict[str, SegmentedObject]:
        """Objects of a saved result by the names that they have now; kept for the next click.

        Args:
            names: those in the result, by the present ones. What it does not hold is left out.
        """
        key = (result, result.stat().st_mtime_ns if result.exists() else 0)
        if self._found is None or self._found[0] != key:
            self._found = key, SegmentResult.load(result, device=self.device)
        there = {entry.name: entry for entry in self._found[1].objects}
        return {now: there[name] for now, name in names.items() if name in there}

    def field_of(self, result: SegmentResult, run: Run, checkpoint: Path | None) -> RadianceField:
        """The field that a saved result was made in, if that is what lies there now."""
        path = result.checkpoint_now(checkpoint)
        field = self.field(path, result.options, run)
        check_same_field(result.made_in, field, path)
        return field
