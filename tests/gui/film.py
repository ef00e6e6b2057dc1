"""Films what is on the display: every picture that differs from the one before."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.gui.screen import read_screen
from tests.gui.window import Window

EVERY = 0.25
"""Seconds between two looks."""
WIDTH = 800
INDEX = "frames.jsonl"


class Film:
    """Takes pictures while a scene is being played.

    Args:
        folder: gets the pictures as PNG, and one line of JSON for each in `INDEX`: its file, the
            scene's name, and the seconds since the scene began.
    """

    def __init__(self, window: Window, folder: Path) -> None:
        self._window, self._folder = window, folder
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def scene(self, name: str) -> Iterator[None]:
        """Film what is done inside."""
        stop = threading.Event()
        thread = threading.Thread(target=self._watch, args=(name, stop))
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def _watch(self, name: str, stop: threading.Event) -> None:
        began, before = time.monotonic(), b""
        while True:
            screen = read_screen(self._window.screen)
            now = screen.tobytes()
            if now != before:
                before = now
                self._keep(name, screen, time.monotonic() - began)
            if stop.wait(EVERY):
                return

    def _keep(self, name: str, screen: np.ndarray, second: float) -> None:
        self._count += 1
        file = f"{self._count:04}.png"
        height = round(WIDTH * screen.shape[0] / screen.shape[1])
        picture = Image.fromarray(screen).resize((WIDTH, height), Image.Resampling.LANCZOS)
        picture.save(self._folder / file)
        line = {"file": file, "scene": name, "second": round(second, 2)}
        with (self._folder / INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(line) + "\n")
