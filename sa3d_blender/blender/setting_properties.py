"""Settings as Blender's properties: made from their description, read and written by name."""

from typing import Any

from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

from ..core.setting import Setting, described
from ..core.settings import FieldOptions, MeshSettings, SegmentSettings

_SUBTYPES = {"": "NONE", "pixels": "PIXEL", "file": "FILE_PATH"}


def setting_properties(
    settings: FieldOptions | SegmentSettings | MeshSettings, *names: str
) -> dict[str, Any]:
    """Annotations of a property group.

    Args:
        settings: the defaults.
        names: some of the settings; all where none is given.
    """
    return {
        name: _property(setting, getattr(settings, name))
        for name, setting in described(type(settings)).items()
        if not names or name in names
    }


def setting_values(kind: type, group: Any) -> dict[str, Any]:
    """Those settings of a dataclass that a property group has, by name."""
    return {
        name: _value(setting, getattr(group, name), getattr(kind, name))
        for name, setting in described(kind).items()
        if hasattr(group, name)
    }


def _property(setting: Setting, default: Any) -> Any:
    said: dict[str, Any] = {"name": setting.label, "description": setting.help}
    if setting.choices():
        items = [
            (str(c.value), c.label, c.help, "NONE", place if c.number is None else c.number)
            for place, c in enumerate(setting.choices())
        ]
        return EnumProperty(items=items, default=str(default), **said)
    said["default"] = setting.kind() if default is None else default
    if setting.kind is bool:
        return BoolProperty(**said)
    said["subtype"] = _SUBTYPES[setting.unit]
    if setting.kind is str:
        return StringProperty(**said)
    ends = {
        "min": 0 if default is None else setting.least,  # 0 stands for None
        "max": setting.most,
        "soft_min": setting.usual[0],
        "soft_max": setting.usual[1],
    }
    said |= {name: end for name, end in ends.items() if end is not None}
    if setting.kind is int:
        return IntProperty(**said)
    return FloatProperty(**said)


def _value(setting: Setting, value: Any, default: Any) -> Any:
    if default is None and not value:
        return None
    if setting.kind is float:
        return round(value, 6)  # what Blender's 32 bits made of 0.01 is below 0.01
    return setting.kind(value)
