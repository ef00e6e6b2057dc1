"""The demo prints its own lines only, whatever Blender's libraries print meanwhile."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def interrupted(demo: Any) -> None:
    """Something that prints past Python and then fails."""
    with demo.own_lines_only():
        os.write(1, b"Fra:1 Mem:8M | Sample 1/32\n")
        os.write(2, b"a library's warning\n")
        raise KeyError


def test_what_libraries_print_is_left_out(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    demo = import_module("demo")
    os.write(1, b"before\n")
    with pytest.raises(KeyError):
        interrupted(demo)
    os.write(2, b"after\n")
    assert capfd.readouterr() == ("before\n", "after\n")
