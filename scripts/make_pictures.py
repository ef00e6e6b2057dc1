"""Make the README's pictures from a session in a real window.

    python scripts/make_pictures.py [--from FOLDER]

Runs the recorded session of ``tests/gui`` (see ``scripts/test.py --window``) and cuts its
screenshots; ``--from`` takes screenshots that a session left in a folder instead.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PICTURES = {
    "04_click": "window_click",
    "09_running": "window_running",
}
"""Screenshot -> name in docs/."""
VIEWPORT = (0, 28, 1058, 720)
"""The 3D viewport in a screenshot: left, top, right, bottom."""
WIDTH = 840
COLORS = 192
LIMIT = 600_000
"""Bytes of all of them together."""


def main() -> None:
    """Make them and print their sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="folder", type=Path, help="folder with screenshots")
    folder = parser.parse_args().folder
    with tempfile.TemporaryDirectory() as made:
        if folder is None:
            folder = Path(made)
            record(folder)
        total = sum(cut(folder / f"{shot}.png", DOCS / f"{n}.png") for shot, n in PICTURES.items())
    if total > LIMIT:
        raise SystemExit(f"The pictures weigh {total} bytes together; {LIMIT} is the limit.")


def record(folder: Path) -> None:
    """Run the session with its screenshots going to a folder."""
    wanted = {"SA3D_WINDOW": "1", "SA3D_WINDOW_PICTURES": str(folder)}
    command = [sys.executable, "-m", "pytest", "tests/gui/test_session.py", "-rs"]
    subprocess.run(command, cwd=ROOT, env=os.environ | wanted, check=True)


def cut(source: Path, target: Path) -> int:
    """Cut the viewport out of a screenshot, make it small, and return its bytes."""
    with Image.open(source) as shot:
        part = shot.convert("RGB").crop(VIEWPORT)
    height = round(part.height * WIDTH / part.width)
    small = part.resize((WIDTH, height), Image.Resampling.LANCZOS)
    small.quantize(COLORS, dither=Image.Dither.NONE).save(target, optimize=True)
    print(f"{target.relative_to(ROOT)}: {target.stat().st_size} bytes")
    return target.stat().st_size


if __name__ == "__main__":
    main()
