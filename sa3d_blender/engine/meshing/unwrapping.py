"""Where a surface lies in a texture: xatlas cuts it into flat charts and packs them into a square.

It works in a process of its own, so that it can be stopped at any moment.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array

from ...core.array_file import save_arrays
from ...core.errors import UserError
from ..run import Run
from . import unwrap_process
from .unwrap_process import MESH, UVS

SMOOTHING_STEPS = 5
"""Smoothing steps of the surface that charts are cut out of."""
LOOK = 0.1
"""Seconds between looks for a cancel."""


def unwrap(
    vertices: Float[np.ndarray, "n 3"],
    faces: Int[np.ndarray, "m 3"],
    size: int,
    run: Run | None = None,
) -> Float[np.ndarray, "m 3 2"]:
    """Where each face's corners lie in a texture, in [0, 1] from its bottom left.

    Args:
        size: pixels of its side; decides how far charts lie apart.

    Raises:
        UserError: the package xatlas is not there (``missing_package``), or it failed.
        Cancelled: the run was cancelled; the work has ended then.
    """
    if find_spec("xatlas") is None:  # the rest of the engine works without
        raise UserError(
            "Textures need the Python package xatlas; update the engine in Preferences > Add-ons "
            "> SA3D, or install the package.",
            code="missing_package",
        )
    with TemporaryDirectory(prefix="sa3d_unwrap_", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        save_arrays(folder / MESH, vertices=_smoothed(vertices, faces), faces=faces)
        if _work(folder, size, run or Run()) != 0:
            raise UserError(
                "The surface could not be unwrapped for its texture; make it with fewer faces, "
                "or without a texture.",
                code="unwrap",
            )
        return np.asarray(np.load(folder / UVS, allow_pickle=False), dtype=np.float32)


def _work(folder: Path, size: int, run: Run) -> int:
    """Run the process; returns its exit code."""
    flag = "-I" if sys.flags.isolated else "-P"
    command = [sys.executable, flag, unwrap_process.__file__, str(folder), str(size)]
    # leaving the block closes the process's stdin, which ends it, and waits for it
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        start_new_session=True,
    ) as process:
        while process.poll() is None:
            run.check()
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK)
    return process.returncode


def _smoothed(
    vertices: Float[np.ndarray, "n 3"], faces: Int[np.ndarray, "m 3"]
) -> Float[np.ndarray, "n 3"]:
    """Vertices moved towards their neighbours' mean.

    A NeRF's surface is rough, and charts end where the surface bends: without this the animal of
    the demo falls into 1,700 charts, with it into 220.
    """
    count = len(vertices)
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = np.concatenate([ends, ends[:, ::-1]])
    links = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), (count, count)).tocsr()
    number = np.maximum(links.sum(axis=1), 1)[:, None]
    places = vertices.astype(np.float64)
    for _ in range(SMOOTHING_STEPS):
        places = (places + links @ places / number) / 2
    return places
