"""The add-on: properties, operators and panels over `api`. The only place that imports bpy."""

from __future__ import annotations

from . import (
    coarse_preview,
    command_line,
    help_operators,
    import_menu,
    installation,
    installation_operators,
    live_masks,
    operators,
    overlay,
    panels,
    point_proxy,
    preferences,
    preview_picture,
    prompt_operators,
    properties,
    result_operators,
    result_panel,
    session,
    tools,
    training_operators,
    viewport_operators,
    viewport_overlay,
    viewport_preview,
)

_MODULES = (
    properties,
    preferences,
    operators,
    prompt_operators,
    installation_operators,
    training_operators,
    result_operators,
    help_operators,
    tools,
    viewport_operators,
    panels,
    result_panel,
    import_menu,
    command_line,
    session,
    viewport_preview,
    point_proxy,
    coarse_preview,
    live_masks,
    viewport_overlay,
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
