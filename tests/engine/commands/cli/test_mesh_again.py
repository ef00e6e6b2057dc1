"""``sa3d mesh``: other surfaces from a run that is over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import cKDTree

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.engine.commands import cli
from sa3d_blender.engine.mask_grids.result import SegmentResult
from sa3d_blender.engine.meshing.mesh_jobs import chosen_objects, with_earlier, write_objects
from tests.support.cli_runs import APE, CRATE, SCENE, Refused, names


def mesh(segmented: Path, out: Path, *more: str) -> trimesh.Trimesh:
    assert cli.main(["mesh", str(segmented / "result.npz"), "--out", str(out), *more]) == 0
    return trimesh.load(out, force="mesh")


def test_a_coarser_mesh_lies_where_the_fine_one_does(segmented: Path, tmp_path: Path) -> None:
    fine, coarse = (
        mesh(segmented, tmp_path / f"{size}.ply", "--object", APE, "--resolution", size)
        for size in ("64", "32")
    )
    spacing = float(np.ptp(fine.vertices, axis=0).max()) / 32
    away, _ = cKDTree(fine.sample(20_000, seed=1)).query(coarse.sample(4_000, seed=1))
    assert np.median(away) < 0.6 * spacing
    # where this hazy field is too thin, the surface lies a few cells within what is seen to be free
    assert np.quantile(away, 0.9) < 1.25 * spacing
    assert len(coarse.faces) < 0.5 * len(fine.faces)


def test_the_face_budget_is_kept(segmented: Path, tmp_path: Path) -> None:
    budget = ("--resolution", "64", "--max-faces", "1500")
    light = mesh(segmented, tmp_path / "a.ply", "--object", APE, *budget)
    assert 1000 < len(light.faces) <= 1500
    assert light.is_watertight


def test_the_rest_is_without_the_objects(segmented: Path, tmp_path: Path) -> None:
    rest = mesh(segmented, tmp_path / "rest.ply", "--rest", "--resolution", "96")
    for name in ("box", "monkey"):
        with np.load(SCENE / "gt" / "meshes" / f"{name}.npz") as truth:
            low, high = truth["verts"].min(axis=0), truth["verts"].max(axis=0)
        middle, half = (low + high) / 2, (high - low) / 2
        assert not (np.abs(rest.vertices - middle) < 0.5 * half).all(axis=1).any(), name
    with np.load(SCENE / "gt" / "meshes" / "donut.npz") as truth:
        donut = truth["verts"]
    away, _ = cKDTree(rest.vertices).query(donut[donut[:, 2] > donut[:, 2].mean()])
    assert np.median(away) < 0.05, "what was not asked for stays"


@pytest.mark.parametrize("ending", ["glb", "obj"])
def test_a_texture_is_baked(segmented: Path, tmp_path: Path, ending: str) -> None:
    options = ("--object", CRATE, "--resolution", "20", "--texture", "128")
    crate = mesh(segmented, tmp_path / f"Kiste 箱.{ending}", *options)
    assert crate.visual.kind == "texture"
    material = crate.visual.material
    image = material.baseColorTexture if ending == "glb" else material.image
    assert image.size == (128, 128)
    pixels = np.asarray(image.convert("RGB"), dtype=float)
    assert (pixels[..., 2] > pixels[..., 0]).mean() > 0.3, "the box is blue and white"
    assert names(tmp_path) >= {f"Kiste 箱.{ending}"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--texture", "1024", "--out", "a.ply"), "cannot carry a texture"),
        (("--texture", "3", "--out", "a.glb"), "texture of 3 pixels"),
        (("--threshold", "2", "--out", "a.glb"), "mask threshold of 2"),
        (("--density", "nan", "--out", "a.glb"), "surface density of nan"),
        (("--rest", "--object", APE, "--out", "a.glb"), "without --object"),
    ],
)
def test_impossible_settings_are_one_sentence(
    segmented: Path, tmp_path: Path, refused: Refused, options: tuple[str, ...], sentence: str
) -> None:
    placed = [str(tmp_path / part) if part.startswith("a.") else part for part in options]
    assert sentence in refused("mesh", segmented / "result.npz", *placed)
    assert names(tmp_path) == set()


def test_a_moved_checkpoint_is_asked_for_and_used(
    segmented: Path, tmp_path: Path, refused: Refused
) -> None:
    result = SegmentResult.load(segmented / "result.npz", device=torch.device("cpu"))
    moved, before = tmp_path / "hier 新.th", Path(result.checkpoint)
    moved.write_bytes(before.read_bytes())
    gone = tmp_path / "result.npz"
    replace(result, checkpoint=str(tmp_path / "fort.th")).save(gone)
    for what in (("--object", CRATE), ("--rest",)):
        command = ("mesh", gone, *what, "--resolution", "32", "--out", tmp_path / "a.ply")
        assert "add --checkpoint FILE" in refused(*command)
        assert not (tmp_path / "a.ply").exists()
        assert cli.main([*map(str, command), "--checkpoint", str(moved)]) == 0
        (tmp_path / "a.ply").unlink()
    assert "no-such.th" in refused(*command, "--checkpoint", "no-such.th")


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ("tabletop/dvgo_coarse_last.tar", "dvgo, bounded instead of tensorf, bounded"),
        ("shelf/shelf.th", "forward_facing instead of"),
        ("tabletop/tabletop_cp_sh.th", "is another"),
    ],
)
def test_another_nerf_is_refused(
    segmented: Path, tmp_path: Path, refused: Refused, other: str, difference: str
) -> None:
    command = ("mesh", segmented / "result.npz", "--object", CRATE, "--out", tmp_path / "a.ply")
    said = refused(*command, "--checkpoint", SCENE.parent / other)
    assert "not the NeRF that the result was made from" in said
    assert difference in said
    assert names(tmp_path) == set()


def test_a_result_of_an_earlier_version_is_used_as_it_is(segmented: Path, tmp_path: Path) -> None:
    result = SegmentResult.load(segmented / "result.npz", device=torch.device("cpu"))
    replace(result, made_in=None).save(tmp_path / "result.npz")
    assert len(mesh(tmp_path, tmp_path / "a.ply", "--object", CRATE, "--resolution", "32").faces)


def triangle(size: float = 1.0) -> MeshData:
    corners = size * np.eye(3, dtype=np.float32)
    return MeshData(corners, np.array([[0, 1, 2]], np.int32), np.zeros((3, 3), np.uint8))


def test_one_of_two_names_that_differ_in_case_keeps_its_files(tmp_path: Path) -> None:
    (alone,) = write_objects({"kiste": triangle()}, tmp_path, beside=["Kiste"])
    *_, both = write_objects({"Kiste": triangle(), "kiste": triangle()}, tmp_path)
    assert alone == both
    assert len(names(tmp_path)) == 4


@pytest.mark.parametrize("kept", [["kiste"], []])
def test_a_later_object_leaves_an_earlier_ones_files(tmp_path: Path, kept: list[str]) -> None:
    """On Windows and macOS, too, where Kiste.glb and kiste.glb are one file."""
    (earlier,) = write_objects({"kiste": triangle()}, tmp_path)
    (later,) = write_objects({"Kiste": triangle(2)}, tmp_path, beside=kept)
    assert len({name.casefold() for name in names(tmp_path)}) == 4
    assert np.allclose(MeshData.load(Path(earlier["mesh"])).vertices, np.eye(3))
    assert write_objects({"Kiste": triangle(3)}, tmp_path, beside=kept) == [later]
    assert len(names(tmp_path)) == 4


def test_objects_of_an_earlier_run_stay(segmented: Path, tmp_path: Path) -> None:
    whole = SegmentResult.load(segmented / "result.npz", device=torch.device("cpu"))
    crate = replace(whole, objects=tuple(chosen_objects(whole, [CRATE])))
    path = tmp_path / "result.npz"
    assert with_earlier(crate, path, [APE]) is crate, "there is none"
    whole.save(path)
    kept = with_earlier(crate, path, [APE, CRATE])
    assert [entry.name for entry in kept.objects] == [CRATE, APE]
    assert len(with_earlier(crate, path, []).objects) == 1, "the ape was removed from the list"
    other = replace(crate, checkpoint="another.th")
    assert len(with_earlier(other, path, [APE]).objects) == 1
    replace(whole, checkpoint=str(tmp_path / "gone.th")).save(path)
    assert len(with_earlier(other, path, [APE]).objects) == 2, "the checkpoint was moved"
    with pytest.raises(UserError, match="no object 'Hut'"):
        chosen_objects(whole, ["Hut"])
