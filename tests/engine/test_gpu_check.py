"""scripts/gpu_check.py with the CPU in place of a GPU, and what it says of one that is wrong."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sa3d_blender.core.field_kinds import FIELD_KINDS

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))
gpu_check = importlib.import_module("gpu_check")


def check(monkeypatch: pytest.MonkeyPatch, out: Path, *more: str) -> tuple[int, dict[str, Any]]:
    command = ["gpu_check.py", "--device", "cpu", "--quick", "--out", str(out), *more]
    monkeypatch.setattr(sys, "argv", command)
    return gpu_check.main(), json.loads(out.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_the_cpu_is_as_the_cpu(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, report = check(monkeypatch, tmp_path / "out.json", "--only", "tensorf")
    assert code == 0, report
    assert [row["field"] for row in report["fields"]] == ["tensorf"]
    for row in report["fields"]:
        assert [row[name] for name in gpu_check.LIMITS] == [0.0] * 4
    assert "| tensorf | 0 | 0 | 0 | 0 |" in capsys.readouterr().out


def test_a_device_that_computes_something_else_is_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []

    def broken(*_: Any) -> None:
        raise RuntimeError("CUDA error: no kernel image")

    def wrong(subject: Any, _device: torch.device) -> dict[str, Any]:
        made.append(subject.name)
        shift = 0.5 * (len(made) % 2)
        if subject.name == "plenoxels":
            broken()
        box = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 1.0]])
        yes = np.array([True, shift > 0])
        return {
            "picture": np.full((2, 2, 3), shift),
            "masks": yes,
            "votes": np.array([-1.0, 1.0]) if shift else np.array([-1.0, 1.0, 1.0]),
            "mesh": box + shift,
            "peak_bytes": 5_000_000,
        }

    monkeypatch.setattr(gpu_check, "made_on", wrong)
    code, report = check(monkeypatch, tmp_path / "out.json", "--only", "tensorf", "plenoxels")
    assert code == 1
    first, second = report["fields"]
    assert first == {
        **{"field": "tensorf", "picture": 0.5, "masks": 0.5, "votes": 1.0, "mesh": 0.25},
        "peak_bytes": 5_000_000,
    }
    assert second == {"field": "plenoxels", "error": "RuntimeError: CUDA error: no kernel image"}
    said = capsys.readouterr().out
    assert "| tensorf | 0.5 (!) | 0.5 (!) | 1 (!) | 0.25 (!) | 5 |" in said
    assert "no kernel image" in said


def test_what_gsplat_does_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_check, "differences", lambda *_: {"peak_bytes": None})
    monkeypatch.setattr(gpu_check, "LIMITS", {})
    code, report = check(monkeypatch, tmp_path / "out.json", "--only", "tensorf")
    assert (code, list(report["gsplat"])) == (0, ["field", "skipped"])
    assert "gsplat is not installed for cpu" in capsys.readouterr().out

    class Broken:
        def rasterization(self, *_: Any, **__: Any) -> None:
            raise RuntimeError("no kernels")

    monkeypatch.setattr(gpu_check.gsplat_pictures, "kernels", lambda _device: Broken())
    code, report = check(monkeypatch, tmp_path / "out.json", "--only", "tensorf")
    assert code == 1
    assert "gsplat failed: it was not used" in capsys.readouterr().out
    found = {"psnr": 45.21, "mean": 0.2, "seconds": {"gsplat": 0.01, "ours": 0.5}}
    said = gpu_check.gsplat_sentence(found)
    assert said.startswith("gsplat's picture of the splat is at 45.2 dB from ours (!); a view")


def test_what_is_no_number_is_too_large() -> None:
    assert gpu_check.too_large({"picture": float("nan"), "masks": 0.0}) == ["picture"]


def test_every_kind_of_field_is_checked(tmp_path: Path) -> None:
    names = {name.split()[0] for name in gpu_check.subjects(tmp_path)}
    assert names == set(FIELD_KINDS)


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu_check.py"])
    assert gpu_check.main() == 2
    assert "no CUDA GPU here" in capsys.readouterr().err
