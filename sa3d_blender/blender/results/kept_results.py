"""The last run's file moves in beside the .blend when that is saved for the first time.

Until then it is in Blender's temporary folder, which goes when Blender ends; without it nothing
can be made anew from the run.
"""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import bpy
from bpy.app.handlers import persistent

from ...core.errors import UserError
from ...core.files import written_whole
from ..folders import output_folder
from ..properties import is_nerf

RESULT = "result.npz"
log = logging.getLogger(__name__)


@persistent
def keep_results(*_: Any) -> None:
    """Copy the temporary results of all NeRFs to where a saved file's are: under a megabyte each.

    The NeRFs go on naming the temporary file, as a handler after saving must change nothing; once
    it is gone, the copy is found (`result_actions.result_file`).
    """
    temporary = Path(bpy.app.tempdir)
    for nerf in filter(lambda thing: is_nerf(None, thing), bpy.data.objects):
        source = Path(nerf.sa3d.nerf.result)
        if bpy.data.filepath and source.is_relative_to(temporary) and source.is_file():
            try:
                with written_whole(output_folder(nerf) / RESULT) as target:
                    shutil.copyfile(source, target)
            except UserError as error:
                log.warning("The last run of %s was not kept: %s", nerf.name, error)


def register() -> None:
    """Keep them after each saving."""
    bpy.app.handlers.save_post.append(keep_results)


def unregister() -> None:
    """Take the handler back."""
    if keep_results in bpy.app.handlers.save_post:
        bpy.app.handlers.save_post.remove(keep_results)
