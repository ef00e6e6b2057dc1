"""Frames of a camera file, by number."""

from __future__ import annotations

from collections.abc import Iterable

from ...core.errors import UserError


def check_frames(frames: Iterable[int], count: int) -> None:
    """Raise UserError unless all frame numbers exist."""
    for frame in frames:
        if not 0 <= frame < count:
            raise UserError(
                f"The camera file has no frame {frame}; it has frames 0 to {count - 1}, choose one "
                "of them."
            )
