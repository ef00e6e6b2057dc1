"""Every setting is an option of the command line, with the same choices and the same default."""

from __future__ import annotations

import argparse

import pytest

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.setting import described
from sa3d_blender.core.settings import REST_MESH, FieldOptions, MeshSettings, SegmentSettings
from sa3d_blender.engine.commands.cli import parser
from sa3d_blender.engine.commands.cli_settings import add_settings, chosen_settings

SEGMENT = ["segment", "a.th", "--cameras", "c.json", "--prompts", "p.json", "--out", "o"]


def test_every_setting_is_an_option() -> None:
    said = parser().parse_args(SEGMENT)
    for kind in (FieldOptions, SegmentSettings, MeshSettings):
        assert set(described(kind)) <= set(vars(said))
        assert chosen_settings(said, kind()) == kind()
    assert chosen_settings(said, REST_MESH) == REST_MESH


@pytest.mark.parametrize("kind", [FieldOptions, SegmentSettings, MeshSettings])
def test_choices_and_ranges_are_those_of_the_description(kind: type) -> None:
    command = argparse.ArgumentParser()
    add_settings(command, kind)
    options = {option.dest: option for option in command._actions}
    for name, setting in described(kind).items():
        if setting.kind is str and setting.choices():
            assert options[name].choices == [choice.value for choice in setting.choices()]
        if setting.most is not None and kind is not FieldOptions:
            beyond = command.parse_args([f"--{name.replace('_', '-')}", f"{setting.most + 1:.0f}"])
            with pytest.raises(UserError, match=setting.noun):
                chosen_settings(beyond, kind())


def test_what_is_said_is_taken() -> None:
    words = ["--views", "7", "--reference", "--weights", "w.pth", "--texture", "512", "--scene"]
    said = parser().parse_args([*SEGMENT, *words, "bounded", "--ndc-focal", "2.5"])
    wanted = SegmentSettings(views=7, reference=True, weights="w.pth")
    assert chosen_settings(said, SegmentSettings()) == wanted
    assert chosen_settings(said, MeshSettings()) == MeshSettings(texture=512)
    assert chosen_settings(said, FieldOptions()) == FieldOptions(scene="bounded", ndc_focal=2.5)
