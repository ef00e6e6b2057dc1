"""The cache stays within its bound, and only its own files are touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sa3d_blender.core.user_cache import cache_bytes, clear_cache, mark_used, prune_cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SA3D_CACHE", str(tmp_path))
    (tmp_path / "nerf").mkdir()
    for age, name in enumerate(("new", "middle", "old")):
        path = tmp_path / "nerf" / f"{name}.npz"
        path.write_bytes(b"x" * 100)
        os.utime(path, (1e9 - age, 1e9 - age))
    (tmp_path / "nerf" / "someone's.txt").write_bytes(b"x")
    return tmp_path / "nerf"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_what_was_used_longest_ago_goes_first(cache: Path) -> None:
    mark_used(cache / "old.npz")
    assert cache_bytes() == 300
    assert prune_cache(300) == 0
    assert prune_cache(150) == 200
    assert names(cache) == {"old.npz", "someone's.txt"}


def test_clearing_leaves_what_is_not_its_own(cache: Path) -> None:
    assert clear_cache() == 300
    assert names(cache) == {"someone's.txt"}
    assert (cache_bytes(), clear_cache()) == (0, 0)
