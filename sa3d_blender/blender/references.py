"""Names datablocks across ticks, undo and renames: a kept bpy pointer may crash Blender."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import bpy

from ..core.errors import UserError

D = TypeVar("D", bound=bpy.types.ID)


@dataclass(frozen=True)
class Reference(Generic[D]):
    """A datablock by name and session id."""

    family: str
    """The collection in ``bpy.data``, e.g. ``objects``."""
    name: str
    uid: int

    def find(self) -> D | None:
        """The datablock, or None when it was deleted or another file is open."""
        family: Any = getattr(bpy.data, self.family)
        found = family.get(self.name)
        if found is None or found.session_uid != self.uid:
            found = next((d for d in family if d.session_uid == self.uid), None)
        if found is None or (self.family == "objects" and not found.users_collection):
            return None
        return found

    def get(self) -> D:
        """The datablock. Raises UserError when it is gone."""
        found = self.find()
        if found is None:
            raise UserError(f"{self.name!r} was deleted meanwhile; nothing was changed.")
        return found


def refer(datablock: D) -> Reference[D]:
    """A reference to a datablock of one of the kinds that this add-on keeps."""
    families = {
        bpy.types.Object: "objects",
        bpy.types.Image: "images",
        bpy.types.Mesh: "meshes",
        bpy.types.Scene: "scenes",
    }
    family = next(name for kind, name in families.items() if isinstance(datablock, kind))
    return Reference(family, datablock.name, datablock.session_uid)
