"""Build and validate the extension zip with Blender's own extension tool.

    python scripts/build_extension.py [--out dist]

Run it with a Python that has bpy; the tool inside bpy does the work.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sa3d_blender"
BESIDE = ("blender_manifest.toml", "LICENSE", "README.md")
REQUIREMENTS = ROOT / "scripts" / "requirements" / "engine.txt"
IGNORED = shutil.ignore_patterns("__pycache__", "*.py[co]", ".*", "*.part*")
TAGS = {"add-on": ["Mesh", "Import-Export"], "theme": []}
"""Those of the platform's tags that this extension uses."""
MAX_ASSETS = 24 * 10**6


def main() -> None:
    """Stage, build, validate, and say where the zip is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder for the zip")
    print(build(parser.parse_args().out.resolve()))


def build(out: Path) -> Path:
    """Build the zip in a folder and return its path.

    Raises:
        SystemExit: the tool found something wrong.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        source = stage(Path(folder) / "sa3d_blender")
        _run_tool("build", "--source-dir", str(source), "--output-dir", str(out))
        manifest = tomllib.loads((source / "blender_manifest.toml").read_text(encoding="utf-8"))
        tags = Path(folder) / "tags.json"
        tags.write_text(json.dumps(TAGS), encoding="utf-8")
        archive = out / f"{manifest['id']}-{manifest['version']}.zip"
        _run_tool("validate", str(archive), "--valid-tags", str(tags))
    return archive


def stage(target: Path) -> Path:
    """Copy what belongs into the zip: the package's contents and the files beside it."""
    shutil.copytree(PACKAGE, target, ignore=IGNORED)
    for name in BESIDE:
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, target)
    if REQUIREMENTS.is_file():
        shutil.copy(REQUIREMENTS, target / "engine_requirements.txt")
    size = sum(file.stat().st_size for file in target.glob("assets/**/*") if file.is_file())
    if size > MAX_ASSETS:
        most = f"{MAX_ASSETS / 1e6:.0f} MB"
        raise SystemExit(f"The assets weigh {size / 1e6:.1f} MB; {most} is the limit.")
    return target


def _run_tool(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, str(tool()), *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"Blender's extension tool refused:\n{done.stdout}{done.stderr}")


def tool() -> Path:
    """Blender's extension tool inside this Python's bpy."""
    spec = importlib.util.find_spec("bpy")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = [
        file
        for place in places
        for file in Path(place).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")
    ]
    if not found:
        raise SystemExit("This Python has no bpy; use one that has, e.g. .venv/bin/python.")
    return found[0]


if __name__ == "__main__":
    main()
