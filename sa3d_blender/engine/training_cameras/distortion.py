"""What is said when pictures were taken through a lens that bends straight lines."""

from __future__ import annotations

from collections.abc import Sequence


def distortion_notes(distorted: Sequence[bool]) -> tuple[str, ...]:
    """One sentence when any camera has lens distortion, which perspective cameras leave out."""
    count = sum(distorted)
    if not count:
        return ()
    which = "All" if count == len(distorted) else f"{count} of {len(distorted)}"
    return (
        f"{which} training pictures have lens distortion; their cameras are used without it, so "
        "they fit in the middle of the picture and less towards its corners.",
    )
