"""Everything an artist sees explains itself: tooltips, reasons for grey buttons, keys."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path
from typing import Any

import bpy
import pytest
from bl_ext.user_default.sa3d_blender import blender
from bl_ext.user_default.sa3d_blender.blender.clicking import object_states
from bl_ext.user_default.sa3d_blender.blender.help import cures
from bl_ext.user_default.sa3d_blender.blender.ui import tools
from bl_ext.user_default.sa3d_blender.blender.ui.operators import Caller

MODULES = [
    importlib.import_module(found.name)
    for found in pkgutil.walk_packages(blender.__path__, f"{blender.__name__}.")
]
CLASSES = sorted(
    {
        thing
        for module in MODULES
        for name, thing in vars(module).items()
        if re.fullmatch(r"SA3D_[A-Za-z0-9_]+", name) and isinstance(thing, type)
    },
    key=lambda thing: thing.__name__,
)
OPERATORS = [thing for thing in CLASSES if issubclass(thing, bpy.types.Operator)]
UNSAID = {
    "sa3d.leave_tool",  # Esc always leaves
    "sa3d.copy_report",
    "sa3d.view_log",
    "sa3d.cancel",
    "sa3d.cancel_installation",
    "sa3d.show_online_access",
    "sa3d.start_engine",
    "sa3d.stop_engine",
    "sa3d.remove_prompt",
    "sa3d.show_logs",
}
"""Operators that can always be used, or say why not when they are."""


def sentence_like(text: str) -> bool:
    """Begins with a capital, and ends without a full stop, as Blender's tooltips do."""
    return bool(text) and text[0] == text[0].upper() and not text.rstrip().endswith(".")


def own_properties(owner: Any) -> list[Any]:
    """The properties that a registered class adds to its kind."""
    known = (
        {"rna_type", "name", "bl_rna"}
        if issubclass(owner, bpy.types.PropertyGroup)
        else {"rna_type"}
    )
    source = owner.bl_rna
    if issubclass(owner, bpy.types.Operator):
        area, name = owner.bl_idname.split(".")
        source = getattr(getattr(bpy.ops, area), name).get_rna_type()
    return [
        found
        for found in source.properties
        if found.identifier in getattr(owner, "__annotations__", {})
        and found.identifier not in known
        and not found.identifier.startswith("bl_")
    ]


def test_the_walk_finds_what_there_is() -> None:
    assert len(OPERATORS) >= 30
    assert {"SA3D_Nerf", "SA3D_Prompt", "SA3D_Preferences", "SA3D_PT_main"} <= {
        thing.__name__ for thing in CLASSES
    }


@pytest.mark.parametrize("owner", CLASSES, ids=lambda owner: owner.__name__)
def test_every_property_has_a_tooltip(owner: Any) -> None:
    if not issubclass(owner, bpy.types.bpy_struct) or not getattr(owner, "is_registered", False):
        pytest.skip("not registered without a window")
    for found in own_properties(owner):
        internal = found.is_hidden or found.identifier.startswith("filter_")
        assert internal or sentence_like(found.description), (owner.__name__, found.identifier)
        for item in getattr(found, "enum_items", ()):
            assert item.name, (found.identifier, item.identifier)
            assert sentence_like(item.description), (found.identifier, item.identifier)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_every_operator_has_a_name_and_a_tooltip(operator: Any) -> None:
    area, name = operator.bl_idname.split(".")
    assert area == "sa3d"
    facts = getattr(bpy.ops.sa3d, name).get_rna_type()
    assert sentence_like(facts.description), operator.bl_idname
    assert facts.name, operator.bl_idname


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda operator: operator.__name__)
def test_a_grey_button_says_why(operator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty file, what cannot be done says what has to be done first."""
    said: list[str] = []
    if not issubclass(operator, Caller):
        assert operator.bl_idname in UNSAID
        return
    assert operator.needs or operator.bl_idname in UNSAID, operator.bl_idname
    monkeypatch.setattr(operator, "poll_message_set", said.append, raising=False)
    if not operator.poll(bpy.context):
        assert sentence_like(said[0]), said


def test_every_icon_is_one_of_blenders() -> None:
    """A wrong one would keep a panel from being drawn, which no test without a window sees."""
    label = bpy.types.UILayout.bl_rna.functions["label"]
    known = set(label.parameters["icon"].enum_items.keys())
    named = {
        icon
        for module in MODULES
        for icon in re.findall(
            r'icon="([A-Z0-9_]+)"', Path(module.__file__).read_text(encoding="utf-8")
        )
    }
    named |= {cure.icon for cure in cures.CURES.values()}
    named |= {state.icon for state in object_states.ObjectState} | {"MEMORY"}
    assert len(named) > 20
    assert not named - known


def test_keys_are_blenders() -> None:
    """The tool's keys mean what they mean elsewhere, and each means one thing."""
    keys = {}
    for operator, event, _ in tools.SA3D_WT_prompt_tool.bl_keymap:
        held = tuple(sorted(name for name in ("ctrl", "shift", "alt") if event.get(name)))
        keys.setdefault((event["type"], event["value"], held), []).append(operator)
    assert all(len(operators) == 1 for operators in keys.values())
    assert keys["RET", "PRESS", ()] == keys["NUMPAD_ENTER", "PRESS", ()] == ["sa3d.segment"]
    assert keys["ESC", "PRESS", ()] == ["sa3d.leave_tool"]
    assert keys["LEFTMOUSE", "CLICK_DRAG", ()] == ["sa3d.draw_box"]
    taken = {"Z", "G", "R", "S", "X", "DEL", "MIDDLEMOUSE", "SPACE", "N", "T", "F3"}
    assert not taken & {kind for kind, _, _ in keys}, "Blender's own keys go on working"
