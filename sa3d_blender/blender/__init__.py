"""The add-on: properties, operators and panels over `api`. The only place that imports bpy."""

from __future__ import annotations

from . import properties, undo_steps
from .clicking import live_masks, run_masks
from .engine_link import command_line, engine_facts, session
from .installation import installation
from .nerf import chosen
from .results import kept_results
from .ui import (
    batch_operators,
    click_operators,
    frame_operators,
    help_operators,
    import_menu,
    installation_operators,
    look_operators,
    main_panel,
    menus,
    old_pictures,
    operators,
    panels,
    preferences,
    prompt_operators,
    result_operators,
    result_panel,
    running_panel,
    tools,
    training_operators,
    viewport_operators,
)
from .viewport import (
    best_picture,
    coarse_preview,
    overlay,
    point_proxy,
    preview_picture,
    viewport_overlay,
    viewport_preview,
)

_MODULES = (
    undo_steps,
    properties,
    preferences,
    operators,
    prompt_operators,
    installation_operators,
    training_operators,
    frame_operators,
    result_operators,
    look_operators,
    help_operators,
    click_operators,
    tools,
    viewport_operators,
    main_panel,
    panels,
    result_panel,
    running_panel,
    batch_operators,
    import_menu,
    menus,
    chosen,
    command_line,
    session,
    engine_facts,
    kept_results,
    viewport_preview,
    point_proxy,
    coarse_preview,
    old_pictures,
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
