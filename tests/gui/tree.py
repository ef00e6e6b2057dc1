"""A small Debian with Blender and a display, and commands that run inside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TREES = "SA3D_WINDOW_TREES"
"""Environment variable: the folder that holds the trees."""

SUITES = "SA3D_WINDOW_SUITES"
"""Environment variable: Debian's suites to use, separated by commas."""
BOTH = ("trixie", "sid")
"""Blender 4.3 and the newest."""

# The mounts end with the command, so the tree can be deleted at any time without harm.
_ENTER = """
set -e
tree=$1; shift
mount -t proc proc "$tree/proc"
mkdir -p "$tree/dev/shm"
mount -t tmpfs tmpfs "$tree/dev/shm"
while [ "$1" != -- ]; do
    mkdir -p "$tree$1"
    mount --bind "$1" "$tree$1"
    shift
done
shift
exec chroot "$tree" env "$@"
"""


def suites() -> list[str]:
    """The suites that are asked for; else those that have a tree; else both."""
    given = os.environ.get(SUITES)
    if given:
        return given.split(",")
    made = sorted(path.parent.name for path in tree_folder("").glob("*/blender-version"))
    return made[::-1] or list(BOTH)


def tree_folder(suite: str) -> Path:
    """Where the tree of a Debian suite is or will be."""
    given = os.environ.get(TREES)
    trees = Path(given) if given else Path.home() / ".cache" / "sa3d-blender" / "trees"
    return trees.resolve() / suite


def why_impossible() -> str | None:
    """Why there can be no window on this machine; None when there can."""
    if sys.platform != "linux":
        return "a window for tests needs Linux"
    if os.geteuid() != 0:
        return "a window for tests needs root (it makes a small Debian with debootstrap)"
    for tool in ("unshare", "chroot", "apt-get"):
        if shutil.which(tool) is None:
            return f"a window for tests needs the command {tool!r}"
    allowed = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
    return None if allowed.returncode == 0 else "a window for tests needs the right to mount"


def ensure_tree(suite: str) -> Path:
    """The tree of a suite; made when it is missing (minutes, 1.3 GB)."""
    tree = tree_folder(suite)
    if not (tree / "blender-version").is_file():
        if tree.exists():
            shutil.rmtree(tree)
        tree.mkdir(parents=True)
        script = Path(__file__).with_name("make_tree.sh")
        subprocess.run(["bash", str(script), str(tree), suite], check=True)
    return tree


def in_tree(
    tree: Path, folders: Sequence[Path], command: Sequence[str], **environment: str
) -> list[str]:
    """The argv that runs a command in the tree.

    Args:
        folders: these are seen in the tree under their own names.
    """
    variables = {"HOME": "/root", "LIBGL_ALWAYS_SOFTWARE": "1", "LC_ALL": "C.UTF-8", **environment}
    settings = [f"{name}={value}" for name, value in variables.items()]
    seen = [str(folder) for folder in folders]
    entering = ["unshare", "--mount", "sh", "-c", _ENTER, "sh", str(tree)]
    return [*entering, *seen, "--", *settings, *command]


def python_folders(python: Path) -> list[Path]:
    """The folders that a virtual environment's Python needs: its own and its base's."""
    code = "import sys; print(sys.prefix); print(sys.base_prefix)"
    found = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    return [Path(line) for line in found.stdout.splitlines()]
