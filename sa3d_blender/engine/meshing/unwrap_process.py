"""``FOLDER SIZE``: unwraps FOLDER/mesh.npz with xatlas into FOLDER/uvs.npy. Run as a script.

xatlas takes minutes and holds Python's lock all the while, so nothing within its process can stop
it. Here one process watches and another one works: the watcher ends the worker, and removes the
folder, as soon as its own stdin ends. That happens when the engine wants it, and when it dies.

Nothing of this package is imported: the process starts quickly.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

MESH, UVS = "mesh.npz", "uvs.npy"
PADDING = 3
"""Texels between charts."""
WORKER = "--work"


def watch(folder: Path, size: str) -> int:
    """Have the work done unless stdin ends before; returns the worker's exit code."""
    flag = "-I" if sys.flags.isolated else "-P"
    worker = subprocess.Popen(
        [sys.executable, flag, __file__, str(folder), size, WORKER],
        stdin=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )

    def end_with_stdin() -> None:
        while os.read(0, 1):
            pass
        nobody_waits.set()
        worker.kill()

    nobody_waits = threading.Event()
    threading.Thread(target=end_with_stdin, daemon=True).start()
    code = worker.wait()
    if nobody_waits.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return code


def work(folder: Path, size: int) -> None:
    """Write where each face's corners lie in a texture, in [0, 1] from its bottom left."""
    import numpy as np
    import xatlas

    with np.load(folder / MESH, allow_pickle=False) as mesh:
        vertices, faces = mesh["vertices"], mesh["faces"]
    atlas = xatlas.Atlas()
    atlas.add_mesh(vertices.astype(np.float32), faces.astype(np.uint32))
    charts, packing = xatlas.ChartOptions(), xatlas.PackOptions()
    packing.resolution, packing.padding, packing.bilinear = size, PADDING, True
    atlas.generate(charts, packing)
    _, corners, uvs = atlas[0]
    np.save(folder / UVS, np.asarray(uvs[corners], dtype=np.float32), allow_pickle=False)


if __name__ == "__main__":
    if sys.argv[-1] == WORKER:
        work(Path(sys.argv[1]), int(sys.argv[2]))
    else:
        sys.exit(min(abs(watch(Path(sys.argv[1]), sys.argv[2])), 255))
