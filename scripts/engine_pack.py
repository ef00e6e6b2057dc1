"""Make an engine pack: a folder with Python and wheels; the engine is set up without internet.

    .venv/bin/python scripts/engine_pack.py [TARGET ...] [--out FOLDER] [--local FOLDER ...]
                                            [--segmenter NAME ...] [--no-python]

A target is a platform and backend, such as ``windows-x86_64-cuda``; this machine's by default.
What lies in the local folders (by default pip's ``find-links``) and has the right hash is taken
from there. In Blender: Set Up > Engine Pack, and choose ``FOLDER/TARGET``. A pack with
``--segmenter mobile_sam`` also has what the ticked box there asks for; one with ``--no-python``
works where Python 3.11 is there already.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from sa3d_blender.core.background import Pace, Progress, Watch, shown_bytes
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.installation.downloads import download, matches
from sa3d_blender.core.installation.engine_lock import EngineLock, read_lock, target_here, targets
from sa3d_blender.core.installation.engine_setup import download_files
from sa3d_blender.core.installation.package_index import through_python_mirror
from sa3d_blender.core.installation.segmenter_weights import download_weights, weights_file
from sa3d_blender.core.remote_file import RemoteFile
from sa3d_blender.core.segmenters import downloadable


def main() -> int:
    """Make the packs that are named; the exit code is 2 when one could not be made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(targets()))
    parser.add_argument("--out", type=Path, default=ROOT / "dist" / "engine_packs")
    parser.add_argument("--local", type=Path, nargs="*", default=find_links())
    names = [spec.name for spec in downloadable()]
    parser.add_argument(
        "--segmenter", nargs="*", choices=names, default=[], help="its weights, too"
    )
    parser.add_argument("--no-python", action="store_true", help="leave Python itself out")
    arguments = parser.parse_args()
    try:
        for target in arguments.targets or [target_here("cpu")]:
            folder = arguments.out / target
            lock = read_lock(target)
            print(make_pack(lock, folder, arguments.local))
            if not arguments.no_python and lock.interpreter is not None:
                take_local(lock.interpreter, folder, arguments.local)
                take_python(lock.interpreter, folder)
            for name in arguments.segmenter:
                take_local(weights_file(name), folder, arguments.local)
                download_weights(folder, name, Watch())
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def make_pack(lock: EngineLock, folder: Path, local: list[Path]) -> Path:
    """Bring all files of a lock together. Raises UserError when one cannot be had."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in lock.files:
        take_local(file, folder, local)
    pace = Pace(2.0)

    def show(progress: Progress) -> None:
        if pace.due():
            print(progress.text, file=sys.stderr)

    download_files(lock, folder, Watch(show))
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{lock.target}: {len(lock.files)} files, {shown_bytes(size)}", file=sys.stderr)
    return folder


def take_python(file: RemoteFile, folder: Path) -> None:
    """Have the archive with Python in a pack. Raises UserError when it cannot be had."""
    try:
        download(through_python_mirror(file), folder / file.name, Watch())
    except UserError as error:
        raise UserError(
            f"{error} With --no-python the pack goes without: it works where Python 3.11 is."
        ) from error


def take_local(file: RemoteFile, folder: Path, local: list[Path]) -> None:
    """Copy a file that lies in one of the local folders and is right."""
    found = next((path for place in local if (path := place / file.name).is_file()), None)
    if found and not (folder / file.name).exists() and matches(found, file, Watch()):
        shutil.copy(found, folder)


def find_links() -> list[Path]:
    """The folders of wheels that pip is told of."""
    places = os.environ.get("PIP_FIND_LINKS", "").split()
    return [Path(place) for place in places if Path(place).is_dir()]


if __name__ == "__main__":
    sys.exit(main())
