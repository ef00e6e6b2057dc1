"""A Blender with its window and the extension installed from its zip; see `tree` and `window`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gui.artist import Artist
from tests.gui.film import Film
from tests.gui.tree import ROOT, ensure_tree, suites, why_impossible
from tests.gui.window import Window

ASKED = "SA3D_WINDOW"
"""Environment variable: whether the tests in a window were asked for."""
CHECKPOINT = "SA3D_WINDOW_CHECKPOINT"
"""Environment variable: a checkpoint from elsewhere for the session with a scene of one's own."""
PICTURES = "SA3D_WINDOW_PICTURES"
"""Environment variable: the folder that gets the screenshots; none keeps them with the test."""
FILM = "SA3D_WINDOW_FILM"
"""Environment variable: the folder that gets a film of the session."""


def engine_python() -> Path:
    """The Python that has the engine's packages."""
    return Path(os.environ.get("SA3D_TEST_ENGINE", sys.executable))


def pictures_folder(window: Window) -> Path:
    """Where the screenshots go."""
    pictures = os.environ.get(PICTURES)
    folder = Path(pictures) if pictures else window.folder / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session", params=suites())
def tree(request: pytest.FixtureRequest) -> Path:
    """The small Debian with Blender."""
    if not os.environ.get(ASKED):
        pytest.skip("ask for a window with: scripts/test.py --window")
    why = why_impossible()
    if why:
        pytest.skip(why)
    return ensure_tree(request.param)


@pytest.fixture(scope="session")
def extension_zip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension, freshly built."""
    out = tmp_path_factory.mktemp("zip")
    script = ROOT / "scripts" / "build_extension.py"
    subprocess.run([str(engine_python()), str(script), "--out", str(out)], check=True)
    return next(out.glob("*.zip"))


@pytest.fixture(scope="module")
def window(
    tree: Path, extension_zip: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Window]:
    """A Blender that has installed the zip, and was started again."""
    folder = tmp_path_factory.mktemp("window")
    given = os.environ.get(CHECKPOINT)
    folders = [Path(given).parent] if given else []
    with Window(tree, folder, engine_python(), folders=folders) as blender:
        archive = Path(shutil.copy(extension_zip, folder))
        install = ("extension", "install-file", "--repo", "user_default", "--enable", str(archive))
        blender.inside("blender", "--command", *install)
        blender.open()
        yield blender


@pytest.fixture(scope="module")
def artist(window: Window) -> Artist:
    """Somebody who uses the add-on in that window."""
    film = os.environ.get(FILM)
    return Artist(window, pictures_folder(window), Film(window, Path(film)) if film else None)
