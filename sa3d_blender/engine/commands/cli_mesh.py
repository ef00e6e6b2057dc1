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
from .cli_settings import add_settings, chosen_settings


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

        if arguments.rest and arguments.object:
            raise UserError("--rest leaves all objects out; say it without --object.")
        settings = chosen_settings(arguments, REST_MESH if arguments.rest else MeshSettings())
        check_ending(arguments.out, texture=settings.texture > 0)
        check_writable(arguments.out.parent)
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
    rest = (
        f"of everything but the objects; resolution {REST_MESH.resolution} and "
        f"{REST_MESH.max_faces} faces by default"
    )
    command.add_argument("--rest", action="store_true", help=rest)
    command.add_argument(
        "--checkpoint", type=Path, metavar="FILE", help="where the NeRF is now, if it was moved"
    )
    add_settings(command, MeshSettings)
    add_device(command)
    command.set_defaults(run=run)


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
