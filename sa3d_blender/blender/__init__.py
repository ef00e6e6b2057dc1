"""The add-on: properties, operators and panels over `api`. The only place that imports bpy."""

from __future__ import annotations

from . import operators, panels, properties
from .batch import batch_operators
from .clicking import click_operators, live_masks, prompt_operators, run_masks, tools
from .engine_link import command_line, session
from .help import help_operators
from .installation import installation, installation_operators, preferences
from .nerf import import_menu, training_operators, upright_operator
from .results import kept_results, result_operators, result_panel
from .viewport import (
    best_picture,
    coarse_preview,
    overlay,
    point_proxy,
    preview_picture,
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
    upright_operator,
    result_operators,
    help_operators,
    click_operators,
    tools,
    viewport_operators,
    panels,
    result_panel,
    batch_operators,
    import_menu,
    command_line,
    session,
    kept_results,
    viewport_preview,
    point_proxy,
    coarse_preview,
    best_picture,
    live_masks,
    run_masks,
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
