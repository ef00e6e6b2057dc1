"""``sa3d mesh``: meshes of a result, made anew, and what can be said about how they are made."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.files import check_writable
from ...core.prompts import read_json
from ...core.settings import REST_MESH, MeshSettings, own_meshes_from_json


def add_mesh(
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
        from ..meshing.mesh_files import check_ending, write_mesh
        from .progress_bar import terminal_run

        check_ending(arguments.out, texture=arguments.texture > 0)
        check_writable(arguments.out.parent)
        if arguments.rest and arguments.object:
            raise UserError("--rest leaves all objects out; say it without --object.")
        settings = mesh_settings(arguments, REST_MESH if arguments.rest else MeshSettings())
        jobs, moved = session(arguments), arguments.checkpoint
        with terminal_run() as progress:
            if arguments.rest:
                mesh = jobs.rest(arguments.result, settings, progress, checkpoint=moved)
            else:
                only = [arguments.object] if arguments.object else None
                meshes = jobs.mesh(
                    arguments.result, settings, progress, only=only, single=True, checkpoint=moved
                )
                (mesh,) = meshes.values()
        write_mesh(mesh, arguments.out)

    command = commands.add_parser("mesh", help="make a result's mesh anew")
    command.add_argument("result", type=Path, metavar="RESULT.npz")
    command.add_argument("--out", type=Path, required=True, metavar="FILE.(glb|ply|obj)")
    command.add_argument("--object", metavar="NAME", help="needed when the result holds several")
    command.add_argument("--rest", action="store_true", help="of everything but the objects")
    command.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="where the NeRF is now, if it was moved"
    )
    add_mesh_settings(command)
    add_device(command)
    command.set_defaults(run=run)


def add_mesh_settings(command: argparse.ArgumentParser) -> None:
    """Add what `mesh_settings` reads."""
    command.add_argument("--resolution", type=int, metavar="N", help="cells along the longest side")
    command.add_argument("--max-faces", type=int, metavar="N", help="budget of the simplification")
    command.add_argument(
        "--threshold",
        type=float,
        default=MeshSettings.threshold,
        metavar="T",
        help="share of votes, -1 to 1, above which a place belongs to the object",
    )
    command.add_argument(
        "--density",
        type=float,
        default=MeshSettings.density,
        metavar="D",
        help="less closes pits and keeps haze, more does the opposite",
    )
    command.add_argument(
        "--texture", type=int, default=0, metavar="PIXELS", help="bake one of this size, with UVs"
    )


def mesh_settings(arguments: argparse.Namespace, usual: MeshSettings) -> MeshSettings:
    """What was said; the usual resolution and face budget where nothing was."""
    resolution, faces = arguments.resolution, arguments.max_faces
    return MeshSettings(
        resolution=usual.resolution if resolution is None else resolution,
        max_faces=usual.max_faces if faces is None else faces,
        threshold=arguments.threshold,
        density=arguments.density,
        texture=arguments.texture,
    )


def add_own_meshes(command: argparse.ArgumentParser) -> None:
    """Add what `own_meshes` reads."""
    command.add_argument(
        "--own-meshes",
        type=Path,
        metavar="FILE.json",
        help="these settings by the object's name, where an object's differ from the others': "
        'e.g. {"mug": {"max_faces": 5000, "texture": 1024}}',
    )


def own_meshes(
    arguments: argparse.Namespace, usual: MeshSettings, names: Collection[str]
) -> dict[str, MeshSettings]:
    """Mesh settings by the object's name; what the file does not say of one is as usual.

    Args:
        names: of all objects.

    Raises:
        UserError: the file cannot be used, or names something else.
    """
    path = arguments.own_meshes
    if path is None:
        return {}
    found = own_meshes_from_json(read_json(path, "file of mesh settings"), usual)
    unknown = next((name for name in found if name not in names), None)
    if unknown is not None:
        raise UserError(
            f"{path} is about an object {unknown!r}; the prompts have {', '.join(names)}."
        )
    return found
