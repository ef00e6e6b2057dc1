"""How sure a run is, from its report of the views."""

from __future__ import annotations

import pytest

from sa3d_blender.engine.segmentation.confidence import Confidence


def told(accepted: bool, *, seen: bool = True, artist: bool = False) -> dict[str, object]:
    return {"objects": {"a": {"accepted": accepted, "seen": seen, "artist": artist}}}


@pytest.mark.parametrize(
    ("views", "share", "note"),
    [
        ([told(True, artist=True)], 0.0, "only known from where it was clicked"),
        ([told(True), told(True), told(False, seen=False)], 1.0, ""),
        ([told(True, artist=True), told(True), told(False)], 0.5, "Only 1 of 2 views agree"),
        ([told(False, artist=True), *4 * [told(True)]], 1.0, ""),
        ([{"objects": {}}], 0.0, "only known"),
    ],
)
def test_the_share_of_views_that_agree(
    views: list[dict[str, object]], share: float, note: str
) -> None:
    """Hidden objects and the artist's own pictures do not count."""
    found = Confidence.of("a", views)
    assert found.share == share
    assert note in found.note("a")
    assert bool(found.note("a")) == bool(note)
