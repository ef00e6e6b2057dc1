"""What becomes of an engine that was set up: damage, repair, update, removal."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sa3d_blender.core.background import Watch
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.installation.engine_setup import set_up_engine, verify_in_place
from sa3d_blender.core.installation.engine_store import (
    EngineState,
    engine_python,
    engine_status,
    only_one,
    remove_engine,
)
from tests.support.small_engine import SmallEngine, environments, state


def module_file(root: Path) -> Path:
    return next(root.glob("environment-*/[Ll]ib*/**/tiny_thing.py"))


def test_the_old_engine_stays_until_the_new_one_works(
    engine: SmallEngine, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = set_up_engine(engine.set_up(root), Watch())
    monkeypatch.setenv("SA3D_FAKE", "no_start")
    with pytest.raises(UserError, match="lacks the package torch; click Repair") as caught:
        set_up_engine(engine.set_up(root), Watch())
    assert caught.value.code == "broken_engine"
    assert environments(root) == [first.environment]
    assert state(root) == EngineState.ready
    monkeypatch.delenv("SA3D_FAKE")
    second = set_up_engine(engine.set_up(root), Watch())
    assert environments(root) == [second.environment] != [first.environment]


def test_a_half_made_environment_is_noticed_and_replaced(engine: SmallEngine, root: Path) -> None:
    (root / "environment-dead" / "bin").mkdir(parents=True)
    assert state(root) == EngineState.interrupted
    record = set_up_engine(engine.set_up(root), Watch())
    assert environments(root) == [record.environment]


@pytest.mark.parametrize("harm", ["remove", "shorten"])
def test_a_damaged_package_is_found_and_repaired(
    engine: SmallEngine, root: Path, harm: str
) -> None:
    set_up_engine(engine.set_up(root), Watch())
    verify_in_place(root, Watch())
    if harm == "remove":
        module_file(root).unlink()
    else:
        module_file(root).write_bytes(b"")
    with pytest.raises(UserError, match=r"tiny_thing\.py is missing or damaged; click Repair"):
        verify_in_place(root, Watch())
    status = engine_status(root)
    assert status.state == EngineState.broken
    assert "tiny_thing.py" in status.sentence
    set_up_engine(engine.set_up(root), Watch())
    assert state(root) == EngineState.ready


def test_a_check_that_passes_takes_the_blame_back(engine: SmallEngine, root: Path) -> None:
    set_up_engine(engine.set_up(root), Watch())
    module = module_file(root)
    hidden = module.rename(module.with_suffix(".hidden"))
    with pytest.raises(UserError):
        verify_in_place(root, Watch())
    hidden.rename(module)
    verify_in_place(root, Watch())
    assert state(root) == EngineState.ready


def test_an_environment_whose_python_is_gone_is_broken(engine: SmallEngine, root: Path) -> None:
    record = set_up_engine(engine.set_up(root), Watch())
    settings = root / record.environment / "pyvenv.cfg"
    settings.write_text(f"home = {root / 'Blender 4.2' / 'python'}\n", encoding="utf-8")
    status = engine_status(root)
    assert status.state == EngineState.broken
    assert "Python that it was made from is gone" in status.sentence
    shutil.rmtree(root / record.environment)
    assert state(root) == EngineState.broken


def test_another_lock_makes_the_engine_old_but_usable(engine: SmallEngine, root: Path) -> None:
    how = engine.set_up(root)
    set_up_engine(replace(how, lock=replace(how.lock, fingerprint="another")), Watch())
    assert state(root) == EngineState.old
    assert engine_python(root) is not None
    set_up_engine(how, Watch())
    assert state(root) == EngineState.ready


@pytest.mark.parametrize(
    "text", ["", "[]", '{"target": 1}', '{"environment": "../..", "target": "", "fingerprint": ""}']
)
def test_a_record_that_nobody_wrote_is_not_believed(
    engine: SmallEngine, root: Path, text: str
) -> None:
    root.mkdir(parents=True)
    (root / "engine.json").write_text(text, encoding="utf-8")
    assert state(root) == EngineState.broken
    assert engine_python(root) is None
    set_up_engine(engine.set_up(root), Watch())
    assert state(root) == EngineState.ready


def test_removing_leaves_what_is_not_the_engines(engine: SmallEngine, root: Path) -> None:
    set_up_engine(engine.set_up(root), Watch())
    (root / "mine.txt").write_text("mine")
    (root.parent / "weights").mkdir()
    remove_engine(root)
    assert state(root) == EngineState.missing
    assert (root / "mine.txt").exists()
    assert (root.parent / "weights").exists()
    assert environments(root) == []
    assert not (root / "uv").exists()


def test_two_blenders_do_not_set_up_at_once(engine: SmallEngine, root: Path) -> None:
    with only_one(root), pytest.raises(UserError, match="Another Blender"):
        set_up_engine(engine.set_up(root), Watch())
    set_up_engine(engine.set_up(root), Watch())


def test_the_record_says_what_was_installed(engine: SmallEngine, root: Path) -> None:
    set_up_engine(engine.set_up(root), Watch())
    data = json.loads((root / "engine.json").read_text(encoding="utf-8"))
    assert data["device"] == "fake"
    assert data["python"].startswith("3.")
    assert data["made"]
