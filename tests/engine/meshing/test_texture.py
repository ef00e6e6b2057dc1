"""UVs and textures of a made-up field's surfaces."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from PIL import Image

from sa3d_blender.core.errors import UserError
from sa3d_blender.core.mesh import MeshData
from sa3d_blender.core.settings import MeshSettings
from sa3d_blender.engine.fields.protocol import RadianceField
from sa3d_blender.engine.meshing.mesh_files import write_mesh
from sa3d_blender.engine.meshing.surface_colors import vertex_colors
from sa3d_blender.engine.meshing.texture import faces_of_texels, with_texture
from sa3d_blender.engine.meshing.unwrapping import unwrap
from sa3d_blender.engine.run import Run
from tests.support.made_up_fields import PaintedBall

SIZE = 256


@pytest.fixture(scope="module")
def field() -> RadianceField:
    return PaintedBall()


@pytest.fixture(scope="module")
def textured(field: RadianceField) -> MeshData:
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.5)
    vertices, faces = ball.vertices.astype(np.float32), ball.faces.astype(np.int32)
    colors = vertex_colors(field, vertices, faces, Run())
    return with_texture(field, MeshData(vertices, faces, colors), SIZE)


def picture(mesh: MeshData) -> np.ndarray:
    assert mesh.texture is not None
    with Image.open(io.BytesIO(mesh.texture.png)) as image:
        return np.asarray(image)


def test_uvs_lie_in_the_picture_and_faces_do_not_overlap(textured: MeshData) -> None:
    assert textured.texture is not None
    uvs = textured.texture.uvs
    assert uvs.shape == (len(textured.faces), 3, 2)
    assert uvs.min() >= 0
    assert uvs.max() <= 1
    a, b = uvs[:, 1] - uvs[:, 0], uvs[:, 2] - uvs[:, 0]
    area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum() / 2
    # overlapping faces would cover less than the sum of their areas
    covered = (faces_of_texels(uvs, 1024) >= 0).mean()
    assert covered == pytest.approx(area, rel=0.01)
    assert area > 0.4, "most of the picture is used"


def test_the_texture_shows_the_fields_colours(field: PaintedBall, textured: MeshData) -> None:
    assert textured.texture is not None
    rng = np.random.default_rng(0)
    face = rng.integers(0, len(textured.faces), 2000)
    share = rng.dirichlet((1, 1, 1), 2000)[..., None]
    points = (textured.vertices[textured.faces[face]] * share).sum(axis=1)
    u, v = (textured.texture.uvs[face] * share).sum(axis=1).T
    row = ((1 - v) * SIZE).astype(int).clip(0, SIZE - 1)
    column = (u * SIZE).astype(int).clip(0, SIZE - 1)
    shown = picture(textured)[row, column].astype(float) / 255
    wanted = field.paint(torch.from_numpy(points).float()).numpy()
    assert np.abs(shown - wanted).mean() < 0.02
    assert np.quantile(np.abs(shown - wanted), 0.99) < 0.1
    assert wanted.std(axis=0).min() > 0.1, "the ball is not of one colour"


def test_nothing_between_the_charts_is_left_black(textured: MeshData) -> None:
    assert picture(textured).max(axis=2).min() > 20


SQUARE = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], np.float32)


def test_each_texel_belongs_to_the_first_face_over_its_middle() -> None:
    row, column = np.indices((8, 8))
    assert np.array_equal(faces_of_texels(SQUARE, 8), np.where(row + column >= 7, 0, 1))
    none = faces_of_texels(SQUARE[:1] / 2, 8)
    assert np.array_equal(none >= 0, (row + column >= 7) & (row >= 4) & (column < 4))


def test_large_faces_take_no_more_memory_than_their_picture() -> None:
    tracemalloc.start()
    try:
        faces_of_texels(SQUARE, 1024)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 60e6, "all texels at once would take 300 MB"


def test_faces_without_area_do_no_harm() -> None:
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]], np.float32)
    faces = np.array([[0, 1, 2], [0, 3, 0]], np.int32)
    assert np.isfinite(unwrap(vertices, faces, 64)).all()


@pytest.mark.parametrize("ending", [".glb", ".obj"])
def test_files_carry_the_texture(textured: MeshData, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"Kännchen 杯{ending}"
    write_mesh(textured, path)
    loaded = trimesh.load(path, force="mesh", process=False)
    assert len(loaded.faces) == len(textured.faces)
    material = loaded.visual.material
    image = material.baseColorTexture if ending == ".glb" else material.image
    assert np.array_equal(np.asarray(image.convert("RGB")), picture(textured))
    if ending == ".glb":
        assert material.metallicFactor == 0
        return
    assert {file.name for file in tmp_path.iterdir()} == {
        f"Kännchen 杯{end}" for end in (".obj", ".mtl", ".png")
    }


def test_a_textured_mesh_comes_back_as_it_was_saved(textured: MeshData, tmp_path: Path) -> None:
    path = tmp_path / "m_mesh.npz"
    textured.save(path)
    loaded = MeshData.load(path)
    assert loaded.texture is not None
    assert textured.texture is not None
    assert loaded.texture.png == textured.texture.png
    assert np.array_equal(loaded.texture.uvs, textured.texture.uvs)
    replace(textured, texture=replace(textured.texture, png=b"no picture")).save(path)
    with pytest.raises(UserError, match="not a mesh"):
        MeshData.load(path)


def test_what_cannot_carry_a_texture_says_so(textured: MeshData, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"choose \.glb or \.obj"):
        write_mesh(textured, tmp_path / "a.ply")


@pytest.mark.parametrize("size", [-1, 8, 100_000])
def test_an_impossible_size_is_refused(size: int) -> None:
    with pytest.raises(UserError, match="texture"):
        MeshSettings(texture=size)
