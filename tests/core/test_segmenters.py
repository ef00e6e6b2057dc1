"""The one list of segmenters, and which of them *Automatic* is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.segmenters import (
    AUTOMATIC,
    BUNDLED,
    RECOMMENDED,
    SEGMENTERS,
    by_size,
    resolve_segmenter,
    segmenter_choices,
)

README = Path(__file__).resolve().parents[2] / "README.md"
MODULES = Path(__file__).resolve().parents[2] / "sa3d_blender" / "engine" / "segmenters"
ALL = {spec.name: f"/w/{spec.name}" for spec in SEGMENTERS.values() if spec.weights}


@pytest.mark.parametrize(
    ("there", "device", "wanted"),
    [
        ((), "cpu", "bundled"),
        ((), "cuda", "bundled"),
        (("mobile_sam",), "cpu", "mobile_sam"),
        (("mobile_sam",), "mps", "mobile_sam"),
        (("vit_b", "vit_h"), "cpu", "bundled"),
        (("vit_b",), "cuda", "vit_b"),
        (("vit_b", "vit_h", "vit_l", "mobile_sam"), "cuda", "vit_h"),
        (("vit_b", "vit_h", "vit_l", "mobile_sam"), "cpu", "mobile_sam"),
    ],
)
def test_automatic_is_the_best_that_is_there(
    there: tuple[str, ...], device: str, wanted: str
) -> None:
    downloaded = {name: ALL[name] for name in there}
    assert resolve_segmenter(AUTOMATIC, None, downloaded, device) == (wanted, ALL.get(wanted))


def test_a_file_of_weights_goes_before_what_was_downloaded() -> None:
    assert resolve_segmenter("vit_l", "/mine.pth", ALL, "cpu") == ("vit_l", "/mine.pth")
    assert resolve_segmenter("vit_l", None, ALL, "cpu") == ("vit_l", "/w/vit_l")
    assert resolve_segmenter("vit_l", None, {}, "cpu") == ("vit_l", None)
    assert resolve_segmenter("bundled", None, ALL, "cuda") == ("bundled", None)


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("/a/mobile_sam.pt", "mobile_sam"),
        ("sam_vit_h_4b8939.pth", "vit_h"),
        ("C:\\a\\sam_vit_b_01ec64.pth", "vit_b"),
        ("/run/segmenter.safetensors", "bundled"),
    ],
)
def test_with_automatic_the_files_name_tells_the_segmenter(file: str, wanted: str) -> None:
    assert resolve_segmenter(AUTOMATIC, file, ALL, "cpu") == (wanted, file)


def test_what_cannot_be_told_is_one_sentence() -> None:
    with pytest.raises(UserError, match=r"does not say which segmenter .* choose the segmenter"):
        resolve_segmenter(AUTOMATIC, "/mine/best.pth", {}, "cpu")
    with pytest.raises(UserError, match="no segmenter 'best'; choose from automatic, bundled, mob"):
        resolve_segmenter("best", None, {}, "cpu")


def test_the_list_is_whole() -> None:
    assert list(SEGMENTERS) == [spec.name for spec in SEGMENTERS.values()]
    assert segmenter_choices() == (AUTOMATIC, BUNDLED, RECOMMENDED, "vit_b", "vit_l", "vit_h")
    for spec in SEGMENTERS.values():
        assert (MODULES / f"{spec.module}.py").is_file()
        assert (spec.weights is None) == (spec.memory == 0)


def test_the_readmes_table_is_made_from_it() -> None:
    """``scripts/segmenter/table.py`` writes it."""
    text = README.read_text(encoding="utf-8")
    for spec in by_size():
        assert f"| {spec.label} | `{spec.name}` | {spec.description} | {spec.costs} |" in text
