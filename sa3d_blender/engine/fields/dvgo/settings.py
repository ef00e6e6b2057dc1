"""How far apart DirectVoxGO's samples are, and what is behind them: asked of all that may tell.

The checkpoint itself does not say. Its training writes its settings beside it, as a Python file,
of which constants are read and nothing is run.
"""

from __future__ import annotations

import ast
import math
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from ....core.errors import UserError
from ....core.git_lfs import refuse_lfs_pointer
from ....core.setting import described
from ....core.settings import FieldOptions
from ..files.checkpoint_file import Checkpoint

CONFIG = "config.py"
MAX_BYTES = 65_536
USUAL = 0.5
"""Voxels per step; DirectVoxGO's default, which its own settings keep."""
STEP = described(FieldOptions)["voxels_per_step"]


def voxels_per_step(checkpoint: Checkpoint, options: FieldOptions) -> tuple[float, str]:
    """The distance of samples in voxels, and where it comes from, as a sentence.

    Raises:
        UserError: code ``setting``; the option is out of range.
    """
    wanted = options.voxels_per_step
    if wanted is not None:
        if not _believed(wanted):
            raise UserError(
                f"{wanted} voxels per step are not possible; give a number from {STEP.least:g} to "
                f"{STEP.most:g}.",
                code="setting",
            )
        return wanted, f"{wanted:g} voxels per step, as asked for."
    table = checkpoint.data.get("render_kwargs")
    said: Any = table.get("stepsize") if isinstance(table, dict) else None
    if _believed(said):
        return float(said), f"{said:g} voxels per step, says the file."
    stage = "coarse" if checkpoint.path.name.startswith("coarse") else "fine"
    said = _configured(checkpoint.path.parent / CONFIG, f"{stage}_model_and_render", "stepsize")
    if _believed(said):
        return float(said), f"{said:g} voxels per step, says {CONFIG} beside the file."
    return USUAL, (
        f"{USUAL:g} voxels per step assumed, DirectVoxGO's default; the training's {CONFIG} beside "
        "the file would say."
    )


def told_background(checkpoint: Checkpoint, options: FieldOptions) -> tuple[FieldOptions, str]:
    """Options with the background that the training's settings name, where they are asked.

    Returns:
        The options, and where the background is from, as a sentence; empty where nothing is said.
    """
    said = _configured(checkpoint.path.parent / CONFIG, "data", "white_bkgd")
    if options.background != "auto" or not isinstance(said, bool):
        return options, ""
    color: Literal["white", "black"] = "white" if said else "black"
    return replace(options, background=color), f"Background {color}, says {CONFIG} beside the file."


def settings_file(checkpoint: Path) -> tuple[Path, ...]:
    """Where the settings of a checkpoint's training may be."""
    return (checkpoint.parent / CONFIG,)


def _believed(value: Any) -> bool:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return plain and math.isfinite(value) and STEP.allows(value)


def _configured(path: Path, table: str, name: str) -> Any:
    """The constant of a name in a table; None where there is none.

    A table is written as ``table = dict(name=1, ...)`` or with braces.
    """
    tree: ast.Module | None = None
    errors = (OSError, ValueError, SyntaxError, RecursionError, MemoryError)
    refuse_lfs_pointer(path)
    with suppress(*errors), path.open("rb") as file:
        tree = ast.parse(file.read(MAX_BYTES))
    for line in tree.body if tree else ():
        if isinstance(line, ast.Assign) and _names(line) == [table]:
            entries = _entries(line.value).get(name)
            return entries.value if isinstance(entries, ast.Constant) else None
    return None


def _names(line: ast.Assign) -> list[str]:
    return [target.id for target in line.targets if isinstance(target, ast.Name)]


def _entries(value: ast.expr) -> dict[Any, ast.expr]:
    if isinstance(value, ast.Call):
        return {keyword.arg: keyword.value for keyword in value.keywords}
    if isinstance(value, ast.Dict):
        pairs = zip(value.keys, value.values, strict=True)
        return {key.value: entry for key, entry in pairs if isinstance(key, ast.Constant)}
    return {}
