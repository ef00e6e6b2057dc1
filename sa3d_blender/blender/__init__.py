"""The add-on: properties, operators and panels over `api`. The only place that imports bpy."""

from __future__ import annotations

from . import (
    import_menu,
    installation,
    installation_operators,
    live_masks,
    operators,
    overlay,
    panels,
    preferences,
    preview_picture,
    properties,
    session,
    tools,
    training_operators,
)

_MODULES = (
    properties,
    preferences,
    operators,
    installation_operators,
    training_operators,
    tools,
    panels,
    import_menu,
    session,
    live_masks,
    overlay,
    preview_picture,
    installation,
)


def register() -> None:
    """Register everything, in the order of dependence."""
    for module in _MODULES:
        module.register()


def unregister() -> None:
    """Take everything back and end the engine."""
    for module in reversed(_MODULES):
        module.unregister()
