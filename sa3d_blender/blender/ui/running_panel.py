"""The view that a run is working on, below everything else, so that nothing moves when it comes."""

from __future__ import annotations

import bpy

from ..engine_link import session
from ..viewport import preview_picture
from .panels import Section


class SA3D_PT_running(Section, bpy.types.Panel):
    """What the running job looks at."""

    bl_label = "What Is Looked At"

    @classmethod
    def poll(cls, _context: bpy.types.Context) -> bool:
        """Only while something is looked at."""
        job = session.current.job
        return session.running() and job is not None and bool(job.picture)

    def draw_step(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _nerf: bpy.types.Object | None,
    ) -> None:
        """Its picture."""
        job = session.current.job
        if job is not None:
            preview_picture.draw(layout, job.picture)


register, unregister = bpy.utils.register_classes_factory((SA3D_PT_running,))
