"""Settings of a run are refused before minutes of work, not after."""

from __future__ import annotations

from ...core.settings import MeshSettings, SegmentSettings
from ..meshing.mesh_jobs import check_mesh_settings, check_whole

VIEWS = (1, 1000)
VIEW_SIZES = (16, 4096)
"""Least and most that a setting may be."""


def check_settings(settings: SegmentSettings, *meshes: MeshSettings) -> None:
    """Raise UserError when a setting is out of range; before minutes of work, not after."""
    check_whole("number of views", settings.views, *VIEWS)
    check_whole("view size", settings.view_size, *VIEW_SIZES)
    for mesh in meshes:
        check_mesh_settings(mesh)
