"""``sa3d import-masks``: what SA3D's own code segmented, as a result of this program."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.files import check_writable
from ...core.settings import FieldOptions


def add_import_masks(
    commands: Any,
    add_field: Callable[[argparse.ArgumentParser], None],
    options: Callable[[argparse.Namespace], FieldOptions],
    session: Callable[[argparse.Namespace], Any],
) -> None:
    """Add the subcommand.

    Args:
        commands: the parser's subcommands.
        add_field, options, session: what all subcommands on a checkpoint share, see ``cli``.
    """

    def run(arguments: argparse.Namespace) -> None:
        from ..segmentation.sa3d_masks import import_masks, saved_masks
        from .progress_bar import terminal_run

        check_writable(arguments.out)
        path, chosen = arguments.checkpoint, options(arguments)
        with terminal_run() as job:
            grids = saved_masks(path)
            field = session(arguments).field(path, chosen, job)
            result = import_masks(field, grids, path, chosen, job)
        result.save(arguments.out / "result.npz")

    command = commands.add_parser(
        "import-masks", help="masks in a checkpoint of SA3D's own code, as a result.npz"
    )
    add_field(command)
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    command.set_defaults(run=run)
