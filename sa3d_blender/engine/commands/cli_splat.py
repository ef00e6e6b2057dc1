"""``sa3d splat``: the Gaussians of a result's objects, or all the others, as a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.files import check_writable


def add_splat(
    commands: Any,
    add_device: Callable[[argparse.ArgumentParser], None],
    session: Callable[[argparse.Namespace], Any],
) -> None:
    """Add the subcommand.

    Args:
        commands: the parser's subcommands.
        add_device, session: what all subcommands share, see ``cli``.
    """

    def run(arguments: argparse.Namespace) -> None:
        from .progress_bar import terminal_run

        check_writable(arguments.out.parent)
        with terminal_run() as progress:
            session(arguments).splat(
                arguments.result,
                arguments.out,
                progress,
                only=arguments.object,
                rest=arguments.rest,
                checkpoint=arguments.checkpoint,
            )

    command = commands.add_parser("splat", help="save a result's Gaussians, of 3D Gaussian splats")
    command.add_argument("result", type=Path, metavar="RESULT.npz")
    command.add_argument("--out", type=Path, required=True, metavar="FILE.ply")
    command.add_argument(
        "--object", action="append", metavar="NAME", help="may be said again; default: all"
    )
    command.add_argument("--rest", action="store_true", help="everything but the objects")
    command.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="where the splat is now, if it was moved"
    )
    add_device(command)
    command.set_defaults(run=run)
