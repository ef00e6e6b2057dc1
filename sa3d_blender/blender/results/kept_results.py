"""The last run's files move in beside the .blend when that is saved for the first time.

Until then they are in Blender's temporary folder, which goes when Blender ends; without them
nothing can be made anew from the run, and the views in which a click would help cannot be seen.
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
REPORT = "report.json"
VIEWS = "views"
"""The folder beside the report with what it says disagrees."""
MOST_BYTES = 20_000_000
"""Of all pictures of a run; those of some hundred views of 256 pixels."""
log = logging.getLogger(__name__)


@persistent
def keep_results(*_: Any) -> None:
    """Copy the temporary results of all NeRFs to where a saved file's are, see `MOST_BYTES`.

    The NeRFs go on naming the temporary file, as a handler after saving must change nothing; once
    it is gone, the copy is found (`result_actions.result_file`).
    """
    temporary = Path(bpy.app.tempdir)
    for nerf in filter(lambda thing: is_nerf(None, thing), bpy.data.objects):
        source = Path(nerf.sa3d.nerf.result)
        if bpy.data.filepath and source.is_relative_to(temporary) and source.is_file():
            try:
                _copy(source.parent, output_folder(nerf))
            except (UserError, OSError) as error:
                log.warning("The last run of %s was not kept: %s", nerf.name, error)


def _copy(run: Path, kept: Path) -> None:
    """Copy what a run left in its folder; its pictures go as far as there is room for them."""
    for old in (kept / VIEWS).glob("*.png"):
        old.unlink(missing_ok=True)
    files, room = [run / RESULT, run / REPORT], MOST_BYTES
    for picture in sorted((run / VIEWS).glob("*.png")):
        room -= picture.stat().st_size
        files += [picture] if room >= 0 else []
    for source in filter(Path.is_file, files):
        with written_whole(kept / source.relative_to(run)) as target:
            shutil.copyfile(source, target)


def register() -> None:
    """Keep them after each saving."""
    bpy.app.handlers.save_post.append(keep_results)


def unregister() -> None:
    """Take the handler back."""
    if keep_results in bpy.app.handlers.save_post:
        bpy.app.handlers.save_post.remove(keep_results)
