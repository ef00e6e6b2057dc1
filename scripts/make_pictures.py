"""Make the README's pictures and its animation from a session in a real window.

    python scripts/make_pictures.py [--from FOLDER]

Plays the recorded sessions of ``tests/gui`` (see ``scripts/test.py --window``) from the zip to the
mesh and with a splat, with real mouse and keys, then cuts screenshots and film. ``--from`` takes
what an earlier session left in a folder instead; ``--keep`` says where to leave it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.installation.engine_lock import read_lock, target_here
from scripts.engine_pack import find_links, make_pack

DOCS = ROOT / "docs"
PICTURES = {
    "04_click": "window_click",
    "09_running": "window_running",
}
"""Screenshot -> name in docs/."""
SPLAT = (
    "51_splat_click",
    "52_the_object_as_a_mesh",
    "52_the_object_as_a_splat",
    "53_the_rest_as_a_splat",
)
"""Screenshots that become one picture, two in a row."""
SCENE = (52, 82, 772, 718)
"""The viewport between toolbar and sidebar."""
VIEWPORT = (0, 28, 1058, 720)
"""The 3D viewport in a screenshot: left, top, right, bottom."""
WIDTH = 840
LIMIT = 800_000
"""Bytes of all of them together."""
FILM = "film"
"""Name of the film's folder."""
FRAMES = 10
"""Most frames of a scene; of a longer one some are left out."""
SPEED = 5.0
SHORTEST, LONGEST, LAST = 90, 350, 1300
"""Milliseconds of a frame, and of a scene's last one."""
BAR = 34
"""Height of the caption below the screen."""
FILM_LIMIT = 1_500_000


def main() -> None:
    """Make them and print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="folder", type=Path, help="folder with screenshots")
    parser.add_argument("--keep", type=Path, help="folder to leave screenshots and film in")
    arguments = parser.parse_args()
    folder = arguments.folder
    with tempfile.TemporaryDirectory() as made:
        if folder is None:
            folder = arguments.keep or Path(made)
            record(folder)
        total = sum(cut(folder / f"{shot}.png", DOCS / f"{n}.png") for shot, n in PICTURES.items())
        total += tile([folder / f"{shot}.png" for shot in SPLAT], DOCS / "window_splat.jpg")
        film = animate(folder / FILM, DOCS / "session.webp")
    for what, size, limit in (("pictures", total, LIMIT), ("animation", film, FILM_LIMIT)):
        if size > limit:
            raise SystemExit(f"The {what}: {size} bytes; {limit} is the limit.")


def record(folder: Path) -> None:
    """Play the session with its screenshots and its film going to a folder."""
    wanted = {
        "SA3D_WINDOW": "1",
        "SA3D_WINDOW_SUITES": os.environ.get("SA3D_WINDOW_SUITES", "trixie").split(",")[0],
        "SA3D_WINDOW_PICTURES": str(folder),
        "SA3D_WINDOW_FILM": str(folder / FILM),
        "SA3D_TEST_PACK": engine_pack(),
    }
    sessions = ("tests/gui/test_session.py", "tests/gui/test_splat.py")
    command = [sys.executable, "-m", "pytest", *sessions, "-rs"]
    subprocess.run(command, cwd=ROOT, env=os.environ | wanted, check=True)


def engine_pack() -> str:
    """The folder of wheels that the session sets its engine up from; empty where there is none."""
    target = target_here("cpu")
    try:
        folder = make_pack(read_lock(target), ROOT / "dist" / "engine_packs" / target, find_links())
    except UserError as error:
        print(f"The session does without a set-up: {error}", file=sys.stderr)
        return ""
    return str(folder)


def cut(source: Path, target: Path) -> int:
    """Cut the viewport out of a screenshot, make it small, and return its bytes."""
    with Image.open(source) as shot:
        part = shot.convert("RGB").crop(VIEWPORT)
    height = round(part.height * WIDTH / part.width)
    part.resize((WIDTH, height), Image.Resampling.LANCZOS).save(target, optimize=True)
    return said(target)


def tile(sources: Sequence[Path], target: Path) -> int:
    """Put the scenes of screenshots side by side, two in a row, and return the picture's bytes."""
    width = WIDTH // 2
    height = round(width * (SCENE[3] - SCENE[1]) / (SCENE[2] - SCENE[0]))
    picture = Image.new("RGB", (WIDTH, height * ((len(sources) + 1) // 2)))
    for number, source in enumerate(sources):
        with Image.open(source) as shot:
            part = shot.convert("RGB").crop(SCENE).resize((width, height), Image.Resampling.LANCZOS)
        picture.paste(part, (width * (number % 2), height * (number // 2)))
    picture.save(target, quality=85)
    return said(target)


def animate(film: Path, target: Path) -> int:
    """Make a short animation of a film (see ``tests/gui/film.py``) and return its bytes."""
    index = (film / "frames.jsonl").read_text(encoding="utf-8").splitlines()
    pictures: list[Image.Image] = []
    durations: list[int] = []
    for name, lines in groupby(map(json.loads, index), key=lambda line: str(line["scene"])):
        scene = thinned(list(lines))
        pictures += [frame(film, line, name) for line in scene]
        seconds = [line["second"] for line in scene]
        gaps = [1000 * (b - a) / SPEED for a, b in pairwise(seconds)]
        durations += [round(min(max(gap, SHORTEST), LONGEST)) for gap in gaps] + [LAST]
    pictures[0].save(
        target,
        save_all=True,
        append_images=pictures[1:],
        duration=durations,
        loop=0,
        quality=55,
        method=4,
        minimize_size=True,
    )
    print(f"{len(pictures)} frames, {sum(durations) / 1000:.0f} s")
    return said(target)


def thinned(scene: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most `FRAMES` of a scene's frames, the first and the last among them."""
    count = min(len(scene), FRAMES)
    return [scene[round(i * (len(scene) - 1) / max(1, count - 1))] for i in range(count)]


def frame(film: Path, line: dict[str, Any], caption: str) -> Image.Image:
    """A frame with a caption below it."""
    with Image.open(film / line["file"]) as file:
        screen = file.convert("RGB")
    picture = Image.new("RGB", (screen.width, screen.height + BAR), (24, 24, 24))
    picture.paste(screen, (0, 0))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=18)
    middle = (picture.width / 2, screen.height + BAR / 2)
    draw.text(middle, caption, fill=(235, 235, 235), font=font, anchor="mm")
    return picture


def said(target: Path) -> int:
    """Print a file's size and return it."""
    size = target.stat().st_size
    print(f"{target.relative_to(ROOT)}: {size} bytes")
    return size


if __name__ == "__main__":
    main()
