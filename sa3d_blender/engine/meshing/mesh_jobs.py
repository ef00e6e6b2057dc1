"""Meshes from finished segmentations: of the objects, of all the rest, and their files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.files import file_stems
from ...core.mesh import MeshData
from ...core.settings import MeshSettings, OwnMeshes
from ..fields.protocol import RadianceField
from ..mask_grids.result import SegmentedObject, SegmentResult
from ..run import Run
from .mesh_files import write_mesh
from .surface import extract_mesh

REST = "Rest of the Scene"
"""What the mesh of all but the objects is called."""
ARRAYS = "_mesh"
"""Ends the name of an object's file for the add-on."""


def make_meshes(
    field: RadianceField,
    objects: Sequence[SegmentedObject],
    settings: MeshSettings,
    run: Run,
    own: OwnMeshes | None = None,
) -> dict[str, MeshData]:
    """Each object's mesh by name, with a texture where the settings ask for one.

    Args:
        own: what is said of an object by name goes before ``settings``.
    """
    meshes = {}
    for n, entry in enumerate(objects, start=1):
        wanted = (own or {}).get(entry.name, settings)
        run.progress("surface", n, len(objects), f"Making the surface of {entry.name}")
        meshes[entry.name] = extract_mesh(field, entry, wanted, run)
    return meshes


def chosen_objects(
    result: SegmentResult, names: Sequence[str] | None, *, single: bool = False
) -> list[SegmentedObject]:
    """Some objects of a result.

    Args:
        names: all of them when not given.
        single: refuse several.

    Raises:
        UserError: the result holds none of that name, or several where one was asked for.
    """
    there = {entry.name: entry for entry in result.objects}
    missing = [name for name in names or () if name not in there]
    if missing:
        raise UserError(
            f"The result holds no object {missing[0]!r}; it holds {', '.join(there)}.",
            code="no_such_object",
        )
    if single and len(names or there) > 1:
        raise UserError(
            f"The result holds several objects; add --object with one of {', '.join(there)}."
        )
    return [there[name] for name in names or there]


def with_earlier(result: SegmentResult, path: Path, names: Sequence[str]) -> SegmentResult:
    """The result and, of an earlier one of the same NeRF, the objects that it lacks.

    It is the same one where the checkpoint is, or where the earlier one is gone: it was moved.

    Args:
        path: of the earlier result; it need not be there.
        names: the earlier objects that still count.
    """
    try:
        earlier = SegmentResult.load(path, device=result.objects[0].values.device)
    except UserError:  # none, or a damaged one, which is about to be replaced
        return result
    same = earlier.checkpoint == result.checkpoint or not Path(earlier.checkpoint).exists()
    if not same or earlier.options != result.options:
        return result
    made = {entry.name for entry in result.objects}
    kept = [o for o in earlier.objects if o.name in names and o.name not in made]
    return replace(result, objects=(*result.objects, *kept))


def write_objects(
    meshes: Mapping[str, MeshData], out: Path, *, beside: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Write each object's mesh as ``NAME.glb`` and ``NAME_mesh.npz`` and describe it.

    Args:
        beside: other objects whose files are there, too; see `file_stems`.
    """
    there = [path.stem for path in out.glob("*.glb")]
    there += [path.stem.removesuffix(ARRAYS) for path in out.glob(f"*{ARRAYS}.npz")]
    stems = file_stems((*meshes, *beside), there)
    written = []
    for name, mesh in meshes.items():
        arrays, glb = out / f"{stems[name]}{ARRAYS}.npz", out / f"{stems[name]}.glb"
        mesh.save(arrays)
        write_mesh(mesh, glb)
        paths = {"name": name, "mesh": str(arrays), "glb": str(glb)}
        written.append(paths | {"vertices": len(mesh.vertices), "faces": len(mesh.faces)})
    return written
