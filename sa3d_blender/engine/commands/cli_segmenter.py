"""Which segmenter cuts, on the command line; and ``sa3d mask``, which has it cut one picture."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.installation.segmenter_weights import FOLDER_VARIABLE, downloaded_weights
from ...core.prompts import read_prompts
from ...core.segmenters import resolve_segmenter, segmenter_choices
from ...core.settings import SegmentSettings


def add_segmenter(command: argparse.ArgumentParser) -> None:
    """Add the options that choose a segmenter and its weights."""
    command.add_argument(
        "--segmenter",
        choices=segmenter_choices(),
        default=SegmentSettings.segmenter,
        help="automatic, the default: the best one for the device whose weights are there",
    )
    command.add_argument(
        "--weights",
        type=Path,
        metavar="FILE",
        help=f"its weights; without, those in the folder that {FOLDER_VARIABLE} names",
    )


def downloaded_here() -> dict[str, str]:
    """The weights that are there, by segmenter."""
    folder = os.environ.get(FOLDER_VARIABLE)
    return downloaded_weights(Path(folder)) if folder else {}


def add_mask(
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
        from .picture_jobs import cut_picture

        prompts = read_prompts(arguments.prompts)
        weights = str(arguments.weights) if arguments.weights else None
        engine = session(arguments)
        chosen = resolve_segmenter(
            arguments.segmenter, weights, downloaded_here(), engine.device.type
        )
        cut_picture(engine.segmenter(*chosen), arguments.image, prompts, arguments.out)

    command = commands.add_parser("mask", help="cut one picture")
    command.add_argument("image", type=Path, metavar="IMAGE")
    command.add_argument("--prompts", type=Path, required=True, metavar="prompts.json")
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    add_segmenter(command)
    add_device(command)
    command.set_defaults(run=run)
