"""What the tests of the command line share: the scene they run on, and how a run is spelled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

SCENE = Path(__file__).resolve().parents[1] / "data" / "tabletop"
CAMERAS = SCENE / "transforms_test.json"
CHECKPOINT = SCENE / "tabletop.th"
"""The scene's clear field; in the other, a small one, the ape is fog that few samples vote for."""
SIZE = ("--size", "200x200")
TINY = ("--views", "2", "--view-size", "48", "--resolution", "24")
"""The least that is a run; how good its objects are is left open."""
BOX, HEAD, SKY = [67.5, 111.5], [111.5, 82.5], [158.5, 41.5]
"""Pixels of the first camera's 200x200 picture."""
CRATE, APE = "Kiste Nr. 1", "Äffchen 猴"

Refused = Callable[..., str]
"""The fixture ``refused``: runs a command that must fail; returns its sentence."""


def write_prompts(path: Path, **points: list[float]) -> Path:
    """A prompt file with one click per object."""
    objects = [{"name": name, "points": [point]} for name, point in points.items()]
    path.write_text(json.dumps({"objects": objects}, ensure_ascii=False), encoding="utf-8")
    return path


def segment_command(folder: Path, out: Path, **changed: Path) -> list[str]:
    """A tiny ``segment`` run on the files in a folder; options that follow override its own."""
    paths = {
        "checkpoint": folder / "模型 ä.th",
        "cameras": folder / "Kameras ö.json",
        "prompts": folder / "Klicks ü.json",
    } | changed
    command = ["segment", paths["checkpoint"], "--cameras", paths["cameras"]]
    command += ["--prompts", paths["prompts"], "--out", out, *SIZE, *TINY]
    return [str(part) for part in command]


def names(folder: Path) -> set[str]:
    """What lies in a folder; nothing where there is none."""
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()
