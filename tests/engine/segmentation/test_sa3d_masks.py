"""Masks of SA3D's own checkpoints: imported, they cut the same object and make its mesh."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from sa3d_blender.core.cameras import read_transforms
from sa3d_blender.core.errors import UserError
from sa3d_blender.core.settings import FieldOptions
from sa3d_blender.engine.commands import cli
from sa3d_blender.engine.fields import load_field
from sa3d_blender.engine.fields.files.checkpoint_file import read_checkpoint
from sa3d_blender.engine.mask_grids.result import SegmentResult
from sa3d_blender.engine.rendering.render import render_view
from sa3d_blender.engine.segmentation.sa3d_masks import read_mask_grids
from tests.support.ground_truth import id_picture, iou, load_scene

DATA = Path(__file__).resolve().parents[2] / "data" / "tabletop"
CPU = torch.device("cpu")
OBJECTS = ("box", "donut")
MARGIN = 0.04


def scores_of(
    vertices: np.ndarray, lower: np.ndarray, upper: np.ndarray, size: tuple[int, ...]
) -> torch.Tensor:
    """Scores [x y z] as SA3D's would be: for in the object's box, against outside, or unseen."""
    axes = [np.linspace(a, b, n) for a, b, n in zip(lower, upper, size, strict=True)]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    low, high = vertices.min(axis=0) - MARGIN, vertices.max(axis=0) + MARGIN
    low[2] += MARGIN  # it stands on the floor
    inside = ((nodes > low) & (nodes < high)).all(axis=-1)
    scores = np.where(inside, 3.0, -2.0)
    scores[np.abs(nodes[..., 2] - high[2]) < MARGIN / 2] = 0.0
    return torch.from_numpy(scores).float()


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DirectVoxGO model with two masks in it, under the name that SA3D gives."""
    data = read_checkpoint(DATA / "dvgo_coarse_last.tar").data
    state = dict(data["model_state_dict"])
    lower, upper = state["xyz_min"].numpy(), state["xyz_max"].numpy()
    size = tuple(state["density.grid"].shape[2:])
    truth = load_scene(DATA / "gt")
    grids = [scores_of(truth.meshes[name][0], lower, upper, size) for name in OBJECTS]
    state["seg_mask_grid.grid"] = torch.stack(grids)[None]
    path = tmp_path_factory.mktemp("sa3d") / "fine_segmentation ä.tar"
    torch.save({"model_kwargs": data["model_kwargs"], "model_state_dict": state}, path)
    return path


@pytest.fixture(scope="module")
def result(checkpoint: Path) -> Path:
    """What the command writes."""
    out = checkpoint.parent / "out"
    assert cli.main(["import-masks", str(checkpoint), "--out", str(out)]) == 0
    return out / "result.npz"


def test_rendered_masks_are_the_objects(result: Path, checkpoint: Path) -> None:
    loaded = SegmentResult.load(result, device=CPU)
    assert [entry.name for entry in loaded.objects] == ["object_1", "object_2"]
    truth = load_scene(DATA / "gt")
    camera = read_transforms(DATA / "transforms_test.json", size=(64, 64))[0]
    view = render_view(load_field(checkpoint, FieldOptions(), device=CPU), camera, with_color=False)
    ids = id_picture(truth, camera)
    for name, entry in zip(OBJECTS, loaded.objects, strict=True):
        assert iou(entry.mask(view), ids == truth.ids[name]) > 0.75, name
        assert bool(entry.free.any())
        assert entry.level > 0


def test_a_mesh_is_made_of_them(result: Path, tmp_path: Path) -> None:
    out = tmp_path / "box.ply"
    command = ["mesh", result, "--out", out, "--object", "object_1", "--resolution", "40"]
    assert cli.main([str(part) for part in command]) == 0
    mesh = trimesh.load(out)
    wanted = load_scene(DATA / "gt").meshes["box"][0]
    assert mesh.is_watertight
    assert np.abs(mesh.bounds - [wanted.min(axis=0), wanted.max(axis=0)]).max() < 0.12


@pytest.mark.parametrize("name", ["dvgo_coarse_last.tar", "tabletop_cp_sh.th"])
def test_files_without_masks_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["import-masks", str(DATA / name), "--out", str(tmp_path / "out")]
    assert cli.main(command) == cli.EXIT_BAD_INPUT
    assert "holds no masks; choose a fine_segmentation file" in capsys.readouterr().err
    assert not (tmp_path / "out" / "result.npz").exists()


def test_a_damaged_mask_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    data = read_checkpoint(checkpoint).data
    for grid in (torch.zeros(1, 2, 5, 5), torch.full((1, 1, 3, 3, 3), torch.nan), "grid"):
        state = data["model_state_dict"] | {"seg_mask_grid.grid": grid}
        path = tmp_path / "damaged.tar"
        torch.save(data | {"model_state_dict": state}, path)
        with pytest.raises(UserError):
            read_mask_grids(path)


def test_empty_masks_are_refused(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = read_checkpoint(checkpoint).data
    state = data["model_state_dict"] | {"seg_mask_grid.grid": torch.zeros(1, 2, 5, 5, 5)}
    path = tmp_path / "empty.tar"
    torch.save(data | {"model_state_dict": state}, path)
    assert cli.main(["import-masks", str(path), "--out", str(tmp_path)]) == cli.EXIT_BAD_INPUT
    assert "are empty; choose" in capsys.readouterr().err
