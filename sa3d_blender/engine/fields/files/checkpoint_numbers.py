"""Numbers in a checkpoint's tables of settings, checked before anything is computed with them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from .checkpoint_file import bad_weights


@dataclass(frozen=True)
class Numbers:
    """Finite numbers of a table, within limits.

    A number may be Python's, numpy's or a tensor without dimensions. Anything else, or one that
    is out of range, raises UserError (``bad_weights``).
    """

    table: dict[str, Any]
    path: Path
    """The file, for the message."""

    def one(self, name: str, *, low: float = -1e9, high: float = 1e9) -> float:
        """The number of that name, in [low, high]."""
        return self._check(name, self.table.get(name), low, high)

    def whole(self, name: str, *, low: int, high: int) -> int:
        """The number of that name, in [low, high], without its fraction."""
        return int(self.one(name, low=float(low), high=float(high)))

    def many(self, name: str, count: int, *, low: float = -1e9, high: float = 1e9) -> list[float]:
        """The ``count`` numbers of that name, each in [low, high]."""
        values = self.table.get(name)
        if isinstance(values, Tensor | np.ndarray):
            values = values.tolist()
        if not isinstance(values, list | tuple) or len(values) != count:
            raise bad_weights(self.path, f"its {name!r} is not a list of {count} numbers")
        return [self._check(name, value, low, high) for value in values]

    def _check(self, name: str, value: Any, low: float, high: float) -> float:
        if isinstance(value, Tensor | np.generic) and value.ndim == 0:
            value = value.item()
        if not isinstance(value, int | float) or not low <= value <= high:
            raise bad_weights(self.path, f"its {name!r} is missing or out of range")
        return float(value)
