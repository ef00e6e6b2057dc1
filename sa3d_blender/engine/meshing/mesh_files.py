"""Writing meshes as GLB, PLY and OBJ with vertex colours or a texture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from PIL import Image
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from ...core.errors import UserError
from ...core.files import written_whole
from ...core.mesh import MeshData, Texture
from .surface_colors import vertex_normals

ENDINGS = (".glb", ".ply", ".obj")
TEXTURED = (".glb", ".obj")
Y_UP_FROM_Z_UP = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]], float)


def write_mesh(mesh: MeshData, path: Path) -> None:
    """Write a mesh; the ending says the format.

    ``.ply`` and ``.obj`` hold the field frame as it is. ``.glb`` is Y up, as glTF demands:
    (x, y, z) becomes (x, z, -y), which importers turn back. Colours are the vertices', or those of
    the texture where there is one; an ``.obj`` then gets ``NAME.mtl`` and ``NAME.png`` beside it.

    Raises:
        UserError: the ending is another, it cannot carry the texture, or the file cannot be
            written.
    """
    ending = path.suffix.lower()
    check_ending(path, texture=mesh.texture is not None)
    if ending == ".obj" and mesh.texture is not None:
        _write_textured_obj(mesh, mesh.texture, path)
        return
    surface = _trimesh(mesh)
    if ending == ".glb":
        surface.apply_transform(Y_UP_FROM_Z_UP)
    surface.metadata["name"] = path.stem
    options: dict[str, Any] = {"include_normals": True} if ending == ".glb" else {}
    data: Any = surface.export(file_type=ending[1:], **options)
    _write(path, data.encode() if isinstance(data, str) else data)


def _trimesh(mesh: MeshData) -> trimesh.Trimesh:
    normals = vertex_normals(mesh.vertices, mesh.faces)
    if mesh.texture is None:
        return trimesh.Trimesh(
            vertices=mesh.vertices,
            faces=mesh.faces,
            vertex_normals=normals,
            vertex_colors=with_alpha(mesh.colors),
            process=False,
        )
    # Formats have one UV for a vertex: those on the charts' borders become several.
    corners = mesh.faces.reshape(-1)
    uvs = np.ascontiguousarray(mesh.texture.uvs.reshape(-1, 2))
    key = np.concatenate([corners[:, None].astype(np.int32), uvs.view(np.int32)], axis=1)
    _, first, index = np.unique(key, axis=0, return_index=True, return_inverse=True)
    with Image.open(io.BytesIO(mesh.texture.png)) as picture:
        material = PBRMaterial(
            baseColorTexture=picture.copy(), metallicFactor=0.0, roughnessFactor=0.8
        )
    return trimesh.Trimesh(
        vertices=mesh.vertices[corners[first]],
        faces=index.reshape(-1, 3),
        vertex_normals=normals[corners[first]],
        visual=TextureVisuals(uv=uvs[first], material=material),
        process=False,
    )


def _write_textured_obj(mesh: MeshData, texture: Texture, path: Path) -> None:
    """The ``.obj``, and beside it the material and the picture that it names.

    Written here, as a vertex on a chart's border shall stay one with several UVs.
    """
    uvs, corner = np.unique(texture.uvs.reshape(-1, 2), axis=0, return_inverse=True)
    pairs = np.stack([mesh.faces.reshape(-1) + 1, corner.reshape(-1) + 1], axis=1).reshape(-1, 6)
    text = io.StringIO()
    text.write(f"mtllib {path.stem}.mtl\nusemtl texture\ns 1\n")
    np.savetxt(text, mesh.vertices, "v %.8f %.8f %.8f")
    np.savetxt(text, uvs, "vt %.7f %.7f")
    np.savetxt(text, pairs, "f %d/%d %d/%d %d/%d")
    material = f"newmtl texture\nKd 1 1 1\nKs 0 0 0\nillum 1\nmap_Kd {path.stem}.png\n"
    _write(path.with_suffix(".png"), texture.png)
    _write(path.with_suffix(".mtl"), material.encode())
    _write(path, text.getvalue().encode())


def _write(path: Path, data: bytes) -> None:
    with written_whole(path) as temporary:
        temporary.write_bytes(data)


def check_ending(path: Path, *, texture: bool = False) -> None:
    """Raise UserError unless a mesh file's name ends in a format that can be written.

    Args:
        texture: whether it has to carry one.
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise UserError(f"{path.name} must end in .glb, .ply or .obj; choose one of them.")
    if texture and ending not in TEXTURED:
        raise UserError(f"{path.name} cannot carry a texture; choose .glb or .obj, or --texture 0.")


def with_alpha(colors: np.ndarray) -> np.ndarray:
    """Opaque RGBA bytes [n 4] of RGB bytes [n 3]."""
    return np.concatenate([colors, np.full((len(colors), 1), 255, np.uint8)], axis=1)
