"""Names of files."""

from __future__ import annotations

import itertools
import unicodedata

import pytest

from sa3d_blender.core.files import file_stems

DECOMPOSED = unicodedata.normalize("NFD", "Käse")


@pytest.mark.parametrize(
    "names",
    [
        ["mug", "Mug", "MUG", "plate"],
        ["mug", "Mug", "mug (2)", "Mug (2)"],
        ["straße", "STRASSE"],
        ["Käse", DECOMPOSED, "käse"],
    ],
)
def test_no_file_system_takes_two_names_for_one(names: list[str]) -> None:
    stems = file_stems(names)
    seen = {unicodedata.normalize("NFC", stem).casefold() for stem in stems.values()}
    assert len(seen) == len(stems) == len(names)
    for order in itertools.permutations(names):
        assert file_stems(order) == stems, "another run of the same objects has the same files"


def test_names_that_differ_are_kept() -> None:
    assert file_stems(["Kiste Nr. 1", "猴", "a", "a_mesh", "a"]) == {
        name: name for name in ("Kiste Nr. 1", "猴", "a", "a_mesh")
    }
