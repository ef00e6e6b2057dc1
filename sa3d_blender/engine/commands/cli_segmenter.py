"""``sa3d mask``, which has a segmenter cut one picture; and the weights that are there for it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.installation.segmenter_weights import FOLDER_VARIABLE, downloaded_weights
from ...core.prompts import read_prompts
from ...core.segmenters import resolve_segmenter
from ...core.settings import SegmentSettings
from .cli_settings import add_settings, chosen_settings


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
        said = chosen_settings(arguments, SegmentSettings())
        engine = session(arguments)
        chosen = resolve_segmenter(
            said.segmenter, said.weights, downloaded_here(), engine.device.type
        )
        cut_picture(engine.segmenter(*chosen), arguments.image, prompts, arguments.out)

    command = commands.add_parser("mask", help="cut one picture")
    command.add_argument("image", type=Path, metavar="IMAGE")
    command.add_argument("--prompts", type=Path, required=True, metavar="prompts.json")
    command.add_argument("--out", type=Path, required=True, metavar="DIR")
    add_settings(command, SegmentSettings, "segmenter", "weights")
    add_device(command)
    command.set_defaults(run=run)
