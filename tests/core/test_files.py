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


@pytest.mark.parametrize("name", ["Mug", "MUG", "mug"])
def test_what_lies_there_under_another_spelling_is_not_overwritten(name: str) -> None:
    """A thing keeps its own files' name from run to run, and leaves other things' alone."""
    there = ["mug", "plate"]
    for _ in range(3):
        (stem,) = file_stems([name], there).values()
        there = [*dict.fromkeys((*there, stem))]
        assert len({stem.casefold() for stem in there}) == len(there)
    assert len(there) == (2 if name == "mug" else 3)
    own = file_stems(["Käse"], [DECOMPOSED])
    assert own == {"Käse": "Käse"}, "macOS writes accents its own way"


def test_names_that_differ_are_kept() -> None:
    assert file_stems(["Kiste Nr. 1", "猴", "a", "a_mesh", "a"]) == {
        name: name for name in ("Kiste Nr. 1", "猴", "a", "a_mesh")
    }
