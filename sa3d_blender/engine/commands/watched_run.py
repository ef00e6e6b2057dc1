"""What the add-on shows while a run goes on: pictures, points, first meshes, told as progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..run import Run
from ..segmentation.coarse_objects import CoarseObjects
from ..segmentation.first_meshes import FirstMeshes
from ..view_path.previews import Previews


def show_previews(folder: Path, colors: Mapping[str, Sequence[float]], run: Run) -> None:
    """Let a run send each preview as progress that says again where the run is.

    Args:
        folder: for the previews' files.
        colors: red, green and blue in [0, 1] by object.
        run: is changed.
    """
    said: list[tuple[str, int, int, str]] = []
    say = run.on_progress

    def remember(stage: str, n: int, total: int, text: str) -> None:
        said[:] = [(stage, n, total, text)]
        say(stage, n, total, text)

    def send(**more: Any) -> None:
        for progress in said:
            say(*progress, **more)

    def send_points(files: dict[str, Path]) -> None:
        send(points={name: str(path) for name, path in files.items()})

    def send_meshes(files: dict[str, Path]) -> None:
        send(meshes={name: str(path) for name, path in files.items()})

    watchers = (CoarseObjects(folder, send_points), FirstMeshes(folder, send_meshes))

    def visited(*state: Any) -> None:
        for watcher in watchers:
            watcher.visited(*state)

    run.on_progress = remember
    run.on_masks = Previews(folder, colors, lambda path: send(picture=str(path))).show
    run.on_votes = visited
