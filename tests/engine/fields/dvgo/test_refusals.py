"""DirectVoxGO files that cannot be used, and hostile ones: one sentence, nothing executed."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from tests.support.made_up_dvgo import Tables, make_tables

Write = Callable[[Tables], Path]

CPU = torch.device("cpu")


WRONG: dict[str, tuple[str, str, Any]] = {
    "not a table": ("", "model_state_dict", [1, 2]),
    "not a number": ("model_state_dict", "density.grid", torch.full((1, 1, 5, 5, 5), torch.nan)),
    "no density": ("model_state_dict", "density.grid", None),
    "flat density": ("model_state_dict", "density.grid", torch.zeros(1, 1, 5, 5, 1)),
    "virtual": ("model_state_dict", "density.grid", torch.zeros(1).expand(1, 1, 999, 999, 999)),
    "channels": ("model_state_dict", "k0.grid", torch.zeros(1, 5, 4, 4, 4)),
    "no shift": ("model_state_dict", "act_shift", torch.zeros(2)),
    "empty box": ("model_state_dict", "xyz_min", torch.full((3,), 9.0)),
    "network": ("model_state_dict", "rgbnet.2.0.weight", torch.zeros(16, 7)),
    "first layer": ("model_state_dict", "rgbnet.0.weight", torch.zeros(16, 7)),
    "frequencies": ("model_state_dict", "viewfreq", torch.tensor([1.0, 3.0, 4.0])),
    "many frequencies": ("model_state_dict", "viewfreq", torch.ones(99)),
    "old colours": ("model_state_dict", "posfreq", torch.ones(3)),
    "mask": ("model_state_dict", "mask_cache.mask", torch.zeros(3, 3, 3)),
    "virtual mask": (
        "model_state_dict",
        "mask_cache.mask",
        torch.zeros(1, dtype=torch.bool).expand(2000, 2000, 2000),
    ),
    "voxels": ("model_kwargs", "num_voxels", 0),
    "many voxels": ("model_kwargs", "num_voxels", 1e30),
    "ratio": ("model_kwargs", "voxel_size_ratio", torch.tensor(torch.nan)),
    "threshold": ("model_kwargs", "fast_color_thres", {"_delete_": True, 0: 1e-4}),
    "depth": ("model_kwargs", "rgbnet_depth", 10**9),
    "implicit": ("model_kwargs", "rgbnet_full_implicit", True),
}


WRONG_CONTRACTED: dict[str, tuple[str, Any]] = {
    "flat": ("scene_radius", torch.tensor([1.0, 1.0, 2.0])),
    "no radius": ("scene_radius", torch.zeros(3)),
    "box": ("xyz_max", torch.full((3,), 0.9)),
    "center": ("scene_center", torch.full((3,), torch.inf)),
}


@pytest.mark.parametrize("what", WRONG_CONTRACTED)
def test_unusable_contraction(what: str, write_checkpoint: Write) -> None:
    tables = make_tables(kind="contracted")
    name, value = WRONG_CONTRACTED[what]
    tables["model_state_dict"][name] = value
    with pytest.raises(UserError, match="cannot be used"):
        load_field(write_checkpoint(tables), FieldOptions(), device=CPU)


@pytest.mark.parametrize("what", WRONG)
def test_unusable_content(what: str, write_checkpoint: Write) -> None:
    tables = make_tables()
    table, name, value = WRONG[what]
    (tables[table] if table else tables)[name] = value
    with pytest.raises(UserError) as caught:
        load_field(write_checkpoint(tables), FieldOptions(), device=CPU)
    assert caught.value.code == "bad_weights"
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)


class Hostile:
    """Runs a command when unpickled carelessly."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.marker}",)


def settings_class(module: str, monkeypatch: pytest.MonkeyPatch) -> type[dict]:
    """A dictionary class that pickles as another package's ``ConfigDict``."""
    found = type("ConfigDict", (dict,), {"__module__": module})
    holder = ModuleType(module)
    holder.ConfigDict = found  # type: ignore[attr-defined]
    for i in range(len(module.split(".")) - 1, 0, -1):
        monkeypatch.setitem(sys.modules, module.rsplit(".", i)[0], ModuleType("outer"))
    monkeypatch.setitem(sys.modules, module, holder)
    return found


@pytest.fixture
def write_settings_of(
    write_checkpoint: Write, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """Writes a checkpoint with settings tables of another package, which is there until undone."""

    def write(module: str) -> Path:
        config, tables = settings_class(module, monkeypatch), make_tables()
        tables["model_kwargs"]["density_config"] = config()
        tables["model_kwargs"]["k0_config"] = config(n_comp=48)
        return write_checkpoint(tables)

    return write


@pytest.mark.parametrize("module", ["mmcv.utils.config", "lib.config_loader"])
def test_settings_tables_are_read_without_their_package(
    module: str, write_settings_of: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_settings_of(module)
    monkeypatch.undo()
    assert module not in sys.modules
    assert load_field(path, FieldOptions(), device=CPU).family == "dvgo"


@pytest.mark.parametrize("module", ["mmcv.utils.config.other", "elsewhere"])
def test_other_classes_are_refused(module: str, write_settings_of: Callable[[str], Path]) -> None:
    with pytest.raises(UserError) as caught:
        load_field(write_settings_of(module), FieldOptions(), device=CPU)
    assert caught.value.code == "unsafe"


def test_hostile_pickle_is_refused_and_not_run(write_checkpoint: Write, tmp_path: Path) -> None:
    marker, tables = tmp_path / "ran", make_tables()
    tables["model_kwargs"]["k0_config"] = Hostile(marker)
    with pytest.raises(UserError) as caught:
        load_field(write_checkpoint(tables), FieldOptions(), device=CPU)
    assert caught.value.code == "unsafe"
    assert not marker.exists()
