"""Blender's properties are made from the description of the settings."""

from __future__ import annotations

from typing import Any

import bpy
import pytest
from bl_ext.user_default.sa3d_blender.blender import mesh_properties, properties
from bl_ext.user_default.sa3d_blender.blender.setting_properties import setting_values
from bl_ext.user_default.sa3d_blender.core.setting import Setting, described
from bl_ext.user_default.sa3d_blender.core.settings import (
    REST_MESH,
    FieldOptions,
    MeshSettings,
    SegmentSettings,
)

GROUPS = [
    (properties.SA3D_Nerf, FieldOptions(), 5),
    (properties.SA3D_Nerf, SegmentSettings(), 5),
    (properties.SA3D_Nerf, MeshSettings(), 2),
    (mesh_properties.SA3D_Surface, MeshSettings(), 3),
    (mesh_properties.SA3D_OwnMesh, MeshSettings(), 5),
    (mesh_properties.SA3D_Rest, REST_MESH, 2),
]


@pytest.mark.parametrize(("group", "settings", "count"), GROUPS)
def test_a_group_has_what_is_described(group: Any, settings: Any, count: int) -> None:
    known = group.bl_rna.properties
    wanted = {n: s for n, s in described(type(settings)).items() if n in known}
    assert len(wanted) == count
    for name, setting in wanted.items():
        assert (known[name].name, known[name].description) == (setting.label, setting.help)
        _check(known[name], setting, getattr(settings, name))


def _check(found: Any, setting: Setting, default: Any) -> None:
    if setting.choices():
        assert found.default == str(default)
        assert found.enum_items.keys() == [str(choice.value) for choice in setting.choices()]
        return
    assert found.default == pytest.approx(default or setting.kind()) or not default
    if setting.most is not None:
        assert found.hard_max == pytest.approx(setting.most)
        assert found.hard_min == pytest.approx(setting.least if default is not None else 0)


def test_what_a_panel_allows_the_engine_takes(nerf: bpy.types.Object) -> None:
    surface = nerf.sa3d.nerf.surface
    for name in ("threshold", "density"):
        for extreme in (-1000.0, 1000.0):
            setattr(surface, name, extreme)
            MeshSettings(**setting_values(MeshSettings, surface))
    surface.texture = "2048"
    assert setting_values(MeshSettings, surface)["texture"] == 2048
