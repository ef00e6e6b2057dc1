"""The field that a saved result was made in, loaded again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...core.errors import UserError
from ..fields.protocol import RadianceField
from ..run import Run
from ..segmentation.field_facts import check_same_field
from ..segmentation.result import SegmentResult

if TYPE_CHECKING:
    from .session import Session


def field_of_result(
    session: Session, result: SegmentResult, run: Run, checkpoint: Path | None = None
) -> RadianceField:
    """Load a result's field.

    Args:
        checkpoint: where it is now; where the result says when not given.

    Raises:
        UserError: code ``missing_file`` where it is not there any more, ``other_field`` where it is
            another one now; and as loading a field does.
    """
    path = checkpoint or Path(result.checkpoint)
    if checkpoint is None and not path.exists():
        raise UserError(
            f"The NeRF that the result was made from is no longer at {path}; add --checkpoint FILE "
            "with the place where it is now.",
            code="missing_file",
        )
    field = session.field(path, result.options, run)
    check_same_field(result.made_in, field, path)
    return field
