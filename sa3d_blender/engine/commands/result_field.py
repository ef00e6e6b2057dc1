"""Where the field is that a saved result was made in."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import UserError
from ..mask_grids.result import SegmentResult


def checkpoint_of_result(result: SegmentResult, moved: Path | None) -> Path:
    """The checkpoint of a result's field.

    Args:
        moved: where it is now; where the result says when not given.

    Raises:
        UserError: code ``missing_file`` where it is not there any more.
    """
    path = moved or Path(result.checkpoint)
    if moved is None and not path.exists():
        raise UserError(
            f"The NeRF that the result was made from is no longer at {path}; add --checkpoint FILE "
            "with the place where it is now.",
            code="missing_file",
        )
    return path
