"""Nerfstudio's runs of splatfacto, made up: found, read, and in the right frame."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.gaussian_splats.field import SplatField
from sa3d_blender.engine.fields.gaussian_splats.gaussians import Gaussians
from tests.support.made_up_splats import random_gaussians

CPU = torch.device("cpu")
CONFIG = "!!python/object:nerfstudio.engine.trainer.TrainerConfig\nmethod_name: splatfacto\n"


def save_run(folder: Path, gaussians: Gaussians, *, step: int = 29999, part: str = "") -> Path:
    """A run with one checkpoint; ``part`` came into the names later."""
    weights = {
        "means": gaussians.means,
        "scales": gaussians.log_scales,
        "quats": gaussians.rotations,
        "opacities": gaussians.opacity_logits[:, None],
        "features_dc": gaussians.harmonics[:, 0],
        "features_rest": gaussians.harmonics[:, 1:],
    }
    (folder / "nerfstudio_models").mkdir(parents=True, exist_ok=True)
    path = folder / "nerfstudio_models" / f"step-{step:09d}.ckpt"
    named = {f"_model.{part}{name}": value for name, value in weights.items()}
    torch.save({"step": step, "pipeline": named, "optimizers": {}}, path)
    (folder / "config.yml").write_text(CONFIG)
    return path


def load(path: Path) -> SplatField:
    field = load_field(path, FieldOptions(), device=CPU)
    assert isinstance(field, SplatField)
    return field


@pytest.mark.parametrize("part", ["", "gauss_params."])
def test_a_run_is_read_however_it_is_chosen(tmp_path: Path, part: str) -> None:
    gaussians = random_gaussians(60, 2, seed=1)
    save_run(tmp_path, random_gaussians(10, 2, seed=2), step=2000, part=part)
    newest = save_run(tmp_path, gaussians, part=part)
    for chosen in (tmp_path, tmp_path / "config.yml", newest):
        found = load(chosen).gaussians
        assert torch.equal(found.harmonics, gaussians.harmonics)
        assert torch.equal(found.rotations, gaussians.rotations)
        assert torch.equal(found.opacity_logits, gaussians.opacity_logits)
        assert not found.antialiased
    (tmp_path / "config.yml").write_text(CONFIG + "pipeline:\n  rasterize_mode: antialiased\n")
    assert load(tmp_path).gaussians.antialiased


def test_colours_without_harmonics_come_through_a_sigmoid(tmp_path: Path) -> None:
    gaussians = random_gaussians(60, 0, seed=1)
    save_run(tmp_path, gaussians)
    field = load(tmp_path)
    ways = torch.nn.functional.normalize(gaussians.means, dim=1)
    wanted = gaussians.harmonics[:, 0].sigmoid()
    assert torch.allclose(field.gaussians.colors(ways), wanted, atol=1e-5)


def test_the_trainings_frame_is_told(tmp_path: Path) -> None:
    save_run(tmp_path, random_gaussians(60, 1, seed=1))
    assert load(tmp_path).info()["field_from_dataset"] is None
    turned = [[0.0, 1.0, 0.0, 2.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -1.0, 1.0]]
    path = tmp_path / "dataparser_transforms.json"
    path.write_text(json.dumps({"transform": turned, "scale": 0.5}))
    assert np.allclose(load(tmp_path).info()["field_from_dataset"][:3], 0.5 * np.array(turned))
    path.write_text('{"transform": 5}')
    with pytest.raises(UserError, match="3x4 transform") as caught:
        load(tmp_path)
    assert caught.value.code == "bad_weights"


def test_damaged_checkpoints_are_refused(tmp_path: Path) -> None:
    path = save_run(tmp_path, random_gaussians(60, 1, seed=1))
    content = torch.load(path, weights_only=True)
    for name, value in (
        ("_model.quats", torch.zeros(60, 3)),
        ("_model.means", torch.zeros(0, 3)),
        ("_model.scales", "none"),
        ("_model.features_rest", torch.zeros(60, 5, 3)),
        ("_model.means", torch.full((60, 3), torch.nan)),
    ):
        damaged = content["pipeline"] | {name: value}
        torch.save(content | {"pipeline": damaged}, path)
        with pytest.raises(UserError) as caught:
            load(tmp_path)
        assert caught.value.code == "bad_weights"
