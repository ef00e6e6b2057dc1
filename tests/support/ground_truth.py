"""Exact masks and distances of the bundled scenes, from their ground-truth meshes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sa3d_blender.core.cameras import Camera


@dataclass(frozen=True)
class Scene:
    """Ground truth of a scene: triangle meshes by name, and ids as in the id pictures."""

    ids: dict[str, int]
    meshes: dict[str, tuple[np.ndarray, np.ndarray]]


def load_scene(folder: Path) -> Scene:
    """Read ``names.json`` and ``meshes/NAME.npz`` of a ground-truth folder."""
    names = json.loads((folder / "names.json").read_text())
    meshes = {}
    for name in names.values():
        with np.load(folder / "meshes" / f"{name}.npz") as data:
            meshes[name] = (data["verts"].astype(np.float64), data["faces"])
    return Scene({name: int(number) for number, name in names.items()}, meshes)


def id_picture(scene: Scene, camera: Camera) -> np.ndarray:
    """Object id under each pixel's centre, 0 for background: int64 [h w]. A z-buffer."""
    depth = np.full((camera.height, camera.width), np.inf)
    ids = np.zeros((camera.height, camera.width), dtype=np.int64)
    camera_from_field = np.linalg.inv(camera.field_from_camera)
    for name, (vertices, faces) in scene.meshes.items():
        local = vertices @ camera_from_field[:3, :3].T + camera_from_field[:3, 3]
        z = -local[:, 2]
        safe = np.where(z > 1e-3, z, np.nan)
        x = camera.cx + camera.fl_x * local[:, 0] / safe
        y = camera.cy - camera.fl_y * local[:, 1] / safe
        for face in faces[_covers_a_centre(x[faces], y[faces])]:
            _fill(np.stack([x[face], y[face]], 1), z[face], scene.ids[name], depth, ids)
    return ids


def _covers_a_centre(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which triangles [n 3] have a pixel's centre in their box; most are smaller than a pixel."""
    return np.all(
        [np.ceil(v.min(1) - 0.5) <= np.floor(v.max(1) - 0.5) for v in (x, y)], axis=0
    )  # not a number where a corner is behind the camera: False


def _fill(
    corners: np.ndarray, z: np.ndarray, number: int, depth: np.ndarray, ids: np.ndarray
) -> None:
    height, width = depth.shape
    first = np.ceil(corners.min(axis=0) - 0.5).astype(int).clip(0)
    last = np.floor(corners.max(axis=0) - 0.5).astype(int)
    last = np.minimum(last, [width - 1, height - 1])
    if (last < first).any():
        return
    px, py = np.meshgrid(
        np.arange(first[0], last[0] + 1) + 0.5, np.arange(first[1], last[1] + 1) + 0.5
    )
    (ax, ay), (bx, by), (cx, cy) = corners
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    if abs(area) < 1e-12:
        return
    u = ((bx - px) * (cy - py) - (by - py) * (cx - px)) / area
    v = ((cx - px) * (ay - py) - (cy - py) * (ax - px)) / area
    w = 1 - u - v
    inside = (u >= 0) & (v >= 0) & (w >= 0)
    here = 1 / (u / z[0] + v / z[1] + w / z[2])
    rows = slice(first[1], last[1] + 1)
    columns = slice(first[0], last[0] + 1)
    nearer = inside & (here < depth[rows, columns])
    depth[rows, columns][nearer] = here[nearer]
    ids[rows, columns][nearer] = number


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two masks; 1 when both are empty."""
    union = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / union if union else 1.0
