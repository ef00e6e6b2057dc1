"""A first, coarse mesh of each object while the run goes on, for whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.settings import MeshSettings
from ..fields.protocol import RadianceField
from ..meshing.surface import extract_mesh
from ..view_path.prepared_views import PreparedView
from .object_votes import ObjectVotes

AFTER = 8
"""Views, which go once around the object."""
NODES = 48
"""Along the longest side of the draft's grid."""
COARSE = MeshSettings(resolution=56, max_faces=8_000)


@dataclass
class FirstMeshes:
    """Writes the meshes and tells where.

    Attributes:
        folder: for the files.
        written: called with the objects' files by name.
    """

    folder: Path
    written: Callable[[dict[str, Path]], None]
    _visits: int = 0

    def visited(
        self,
        field_: RadianceField,
        objects: Sequence[ObjectVotes],
        views: Mapping[int, PreparedView],
    ) -> None:
        """One more view has voted; write when it is time."""
        self._visits += 1
        if self._visits != AFTER:
            return
        files = {}
        for number, votes in enumerate(objects):
            if votes.found:
                rendered = {index: views[index].view for index in views}
                mesh = extract_mesh(field_, votes.draft(field_, rendered, NODES), COARSE)
                path = self.folder / f"first_mesh_{number}.npz"
                mesh.save(path)
                files[votes.prompt.name] = path
        self.written(files)
