"""COLMAP models (Schönberger and Frahm 2016), text or binary: cameras.*, images.*, points3D.*."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ...core.cameras import Camera
from ...core.errors import UserError, about_file
from .camera_set import TrainingCameras
from .colmap_binary import read_binary_images, read_binary_lenses, read_binary_points
from .colmap_model import ColmapImage, Lens, Points
from .colmap_text import read_text_images, read_text_lenses, read_text_points
from .distortion import distortion_notes

MODEL_FILES = tuple(f"{n}.{e}" for e in ("bin", "txt") for n in ("cameras", "images", "points3D"))
MAX_POINTS_BYTES = 2**29
"""Points tell only the scale of forward-facing scenes, which have few."""
NEAR_PERCENTILE = 0.1
"""Percentile of the depths of a picture's points that is LLFF's near bound."""


def is_model(folder: Path) -> bool:
    """Whether a folder holds a COLMAP model."""
    return _ending(folder) is not None


def largest_model(folder: Path) -> Path | None:
    """Of the models in a folder's folders (COLMAP numbers them from 0), that of the most pictures.

    The first of those that have as many. None where there is none.
    """
    models = sorted(inside for inside in folder.iterdir() if inside.is_dir() and is_model(inside))
    return max(models, key=lambda model: len(_images(model)), default=None)


def _images(folder: Path) -> list[ColmapImage]:
    ending = _ending(folder)
    read = read_binary_images if ending == "bin" else read_text_images
    return read(folder / f"images.{ending}")


def _ending(folder: Path) -> str | None:
    """Binary files go before text ones, as in COLMAP itself."""
    return next(
        (
            ending
            for ending in ("bin", "txt")
            if all((folder / f"{name}.{ending}").is_file() for name in ("cameras", "images"))
        ),
        None,
    )


def read_colmap(folder: Path, size: tuple[int, int] | None = None) -> TrainingCameras:
    """The cameras of a COLMAP model in its coordinates, with OpenGL axes, by the pictures' names.

    Args:
        size: (width, height) that overrides the model's.

    Raises:
        UserError: a file is missing, damaged, or of a camera model that is not known.
    """
    ending = _ending(folder)
    if ending is None:
        raise UserError(
            f"{folder} holds no COLMAP model; it needs cameras and images, both .bin or both .txt.",
            code="missing_file",
        )
    binary = ending == "bin"
    lenses = (read_binary_lenses if binary else read_text_lenses)(folder / f"cameras.{ending}")
    images = sorted(_images(folder), key=lambda image: image.name)
    if not images:
        raise UserError(f"The COLMAP model in {folder} holds no images; choose another.")
    used = [_lens_of(image, lenses, folder) for image in images]
    with about_file(folder):
        cameras = [_camera(image, lens) for image, lens in zip(images, used, strict=True)]
    return TrainingCameras(
        "colmap",
        tuple(image.name for image in images),
        tuple(camera.resized(*size) if size else camera for camera in cameras),
        distortion_notes([lens.distorted for lens in used]),
        _nearest(folder / f"points3D.{ending}", images),
    )


def _lens_of(image: ColmapImage, lenses: dict[int, Lens], folder: Path) -> Lens:
    if image.lens not in lenses:
        raise UserError(
            f"The COLMAP model in {folder} has no camera {image.lens} for {image.name!r}; "
            "choose a complete model."
        )
    return lenses[image.lens]


def _camera(image: ColmapImage, lens: Lens) -> Camera:
    turn = image.camera_from_world[:3, :3]
    world_from_camera = np.eye(4)
    world_from_camera[:3, :3] = turn.T * (1, -1, -1)  # COLMAP's cameras look along +z, y down
    world_from_camera[:3, 3] = -turn.T @ image.camera_from_world[:3, 3]
    return Camera(
        lens.width, lens.height, lens.fl_x, lens.fl_y, lens.cx, lens.cy, world_from_camera
    )


def _nearest(path: Path, images: list[ColmapImage]) -> float | None:
    """LLFF's smallest near bound; None without points."""
    if not path.is_file() or path.stat().st_size > MAX_POINTS_BYTES:
        return None
    points = (read_binary_points if path.suffix == ".bin" else read_text_points)(path)
    bounds = [bound for image in images if (bound := _near_bound(image, points)) is not None]
    return min(bounds) if bounds and min(bounds) > 0 else None


def _near_bound(image: ColmapImage, points: Points) -> float | None:
    position = points.of(np.unique(image.point_ids))  # some are seen twice in one picture
    if not len(position):
        return None
    depth = position @ image.camera_from_world[2, :3] + image.camera_from_world[2, 3]
    return float(np.percentile(depth, NEAR_PERCENTILE))
