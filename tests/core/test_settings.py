"""Settings are described once; documents and checks follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.setting import Setting, described
from sa3d_blender.core.settings import (
    FieldOptions,
    MeshSettings,
    SegmentSettings,
    settings_from_json,
)
from scripts import settings_table

KINDS = (FieldOptions, SegmentSettings, MeshSettings)
RANGED = [
    (kind, name, setting)
    for kind in (SegmentSettings, MeshSettings)
    for name, setting in described(kind).items()
    if setting.least is not None
]


@pytest.mark.parametrize(("kind", "name", "setting"), RANGED, ids=lambda x: x if x is str else None)
def test_a_number_is_in_its_range(kind: Any, name: str, setting: Setting) -> None:
    assert setting.least is not None
    assert setting.most is not None
    for end in (setting.least, setting.most, getattr(kind, name)):
        assert getattr(replace(kind(), **{name: setting.kind(end)}), name) == end
    for beyond in (setting.least - 1, setting.most + 1, float("nan")):
        with pytest.raises(UserError, match=f"{setting.noun} of .* choose a") as caught:
            kind(**{name: beyond})
        assert caught.value.code == "setting"
    with pytest.raises(UserError, match=setting.noun):
        settings_from_json(kind, {name: setting.kind(setting.most + 1)})


def test_a_menu_offers_what_is_possible() -> None:
    for kind in KINDS:
        for name, setting in described(kind).items():
            for choice in setting.choices():
                assert getattr(settings_from_json(kind, {name: choice.value}), name) == choice.value
            assert not setting.choices() or getattr(kind, name) in [
                choice.value for choice in setting.choices()
            ]


def test_the_document_is_made_from_them() -> None:
    """``scripts/settings_table.py`` writes it."""
    assert settings_table.DOCUMENT.read_text(encoding="utf-8") == settings_table.document()
