"""The ``sa3d`` command. Each subcommand reads its arguments and calls one documented function."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from ... import __version__
from ...core.errors import Cancelled, UserError, is_out_of_memory
from ...core.prompted_view import PromptedView, read_prompts_by_frame
from ...core.settings import FieldOptions, MeshSettings, SegmentSettings
from ..training_cameras import TrainingCameras
from .cli_batch import add_batch
from .cli_masks import add_import_masks
from .cli_mesh import add_mesh, add_own_meshes, own_meshes
from .cli_segmenter import add_mask, downloaded_here
from .cli_settings import add_settings, chosen_settings
from .cli_splat import add_splat
from .frame_numbers import check_frames

EXIT_BAD_INPUT = 2
EXIT_FAILED = 1
EXIT_CANCELLED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code. Errors are one sentence on stderr."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments) or 0)
    except UserError as error:
        print(f"sa3d: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except (KeyboardInterrupt, Cancelled):
        print("sa3d: Cancelled; no file is left half-written.", file=sys.stderr)
        return EXIT_CANCELLED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        print("sa3d: There is not enough memory; choose a smaller size.", file=sys.stderr)
        return EXIT_FAILED


class _OneSentenceParser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, as all other errors are, instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        self.exit(EXIT_BAD_INPUT, f"sa3d: {message}; see {self.prog} --help.\n")


def parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    top = _OneSentenceParser(prog="sa3d", description="Cut objects out of a NeRF.")
    top.add_argument("--version", action="version", version=f"sa3d {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="what a checkpoint is, as JSON")
    _add_field(info)
    info.set_defaults(run=run_info)

    render = commands.add_parser("render", help="pictures, depths and masks from cameras")
    _add_field(render)
    _add_cameras(render)
    render.add_argument("--out", type=Path, required=True, metavar="DIR")
    render.add_argument("--frames", type=_numbers, metavar="0,3", help="default: all")
    render.add_argument("--size", type=_size, metavar="WxH")
    render.add_argument(
        "--depth",
        action="store_true",
        help="also FRAME_depth.npy, float32: distance along each ray, 0 where nothing is",
    )
    render.add_argument("--npy", action="store_true", help="also FRAME.npy, float32, 0 to 1")
    render.add_argument("--mask", type=Path, metavar="RESULT.npz", help="also FRAME_mask_NAME.png")
    render.set_defaults(run=run_render)

    segment = commands.add_parser("segment", help="from prompts in one picture to meshes")
    _add_field(segment)
    _add_cameras(segment)
    segment.add_argument("--frame", type=int, default=0, metavar="K", help="prompted frame")
    segment.add_argument("--prompts", type=Path, required=True, metavar="prompts.json")
    segment.add_argument("--out", type=Path, required=True, metavar="DIR")
    segment.add_argument("--size", type=_size, metavar="WxH")
    add_settings(segment, SegmentSettings)
    add_settings(segment, MeshSettings)
    add_own_meshes(segment)
    segment.set_defaults(run=run_segment)

    add_mask(commands, _add_device, _session)
    add_mesh(commands, _add_device, _session)
    add_splat(commands, _add_device, _session)
    add_import_masks(commands, _add_field, _options, _session)
    add_batch(commands, _add_device)

    serve = commands.add_parser("serve", help="the add-on's engine")
    _add_device(serve)
    serve.set_defaults(run=run_serve)
    return top


def _add_field(command: argparse.ArgumentParser) -> None:
    command.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    add_settings(command, FieldOptions)
    _add_device(command)


def _add_cameras(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--cameras",
        type=Path,
        required=True,
        metavar="FILE",
        help="transforms.json, poses_bounds.npy, the folder of a COLMAP model, or a checkpoint "
        "that comes with its cameras (Instant-NGP, nerfstudio, splats)",
    )


def _add_device(command: argparse.ArgumentParser) -> None:
    command.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto")


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers like 0,3") from None


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    try:
        return int(width), int(height)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size like 800x600") from None


def _session(arguments: argparse.Namespace) -> Any:
    from .devices import choose_device  # torch takes seconds: not for --help
    from .session import Session

    return Session(choose_device(arguments.device))


def _options(arguments: argparse.Namespace) -> FieldOptions:
    return chosen_settings(arguments, FieldOptions())


def run_info(arguments: argparse.Namespace) -> None:
    """``sa3d info``."""
    info = _session(arguments).info(arguments.checkpoint, _options(arguments))
    print(json.dumps(info, indent=1))  # ASCII: no terminal's encoding can refuse it


def run_render(arguments: argparse.Namespace) -> None:
    """``sa3d render``."""
    from .camera_files import camera_file
    from .picture_jobs import render_frames
    from .progress_bar import terminal_run

    cameras = _read_cameras(arguments)
    count = len(cameras.cameras)
    frames = arguments.frames if arguments.frames is not None else list(range(count))
    check_frames(frames, count)
    session = _session(arguments)
    with terminal_run() as run:
        options, placed = camera_file(
            session, arguments.checkpoint, _options(arguments), cameras, run
        )
        render_frames(
            session,
            arguments.checkpoint,
            options,
            {frame: placed.cameras[frame] for frame in frames},
            arguments.out,
            depth=arguments.depth,
            floats=arguments.npy,
            result=arguments.mask,
            run=run,
        )


def run_segment(arguments: argparse.Namespace) -> None:
    """``sa3d segment``."""
    from .camera_files import camera_file
    from .progress_bar import terminal_run

    cameras = _read_cameras(arguments)
    check_frames([arguments.frame], len(cameras.cameras))
    settings = chosen_settings(arguments, SegmentSettings())
    mesh = chosen_settings(arguments, MeshSettings())
    prompts = read_prompts_by_frame(arguments.prompts, arguments.frame)
    names = dict.fromkeys(prompt.name for here in prompts.values() for prompt in here)
    own = own_meshes(arguments, mesh, names)
    check_frames(list(prompts), len(cameras.cameras))
    session = _session(arguments)
    with terminal_run() as run:
        options, placed = camera_file(
            session, arguments.checkpoint, _options(arguments), cameras, run
        )
        session.segment(
            arguments.checkpoint,
            options,
            placed.cameras[arguments.frame],
            prompts.pop(arguments.frame),
            settings,
            mesh,
            arguments.out,
            own_meshes=own,
            more=[PromptedView(placed.cameras[k], tuple(here)) for k, here in prompts.items()],
            given=[c for k, c in enumerate(placed.cameras) if k != arguments.frame],
            downloaded=downloaded_here(),
            run=run,
            whole_process=True,
        )


def _read_cameras(arguments: argparse.Namespace) -> TrainingCameras:
    """The camera file; what has to be said about it goes to stderr."""
    from ..view_path.training_views import read_cameras

    cameras = read_cameras(arguments.cameras, arguments.size)
    for note in cameras.notes:
        print(f"sa3d: {note}", file=sys.stderr)
    return cameras


def run_serve(arguments: argparse.Namespace) -> int:
    """``sa3d serve``."""
    from .server import serve

    return serve(device=arguments.device)
