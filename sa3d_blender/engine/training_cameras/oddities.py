"""What is odd about the cameras of a file: what is put right, and what is only said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...core.cameras import Camera
from .camera_set import TrainingCameras

FOCAL_PER_WIDTH = (0.1, 20.0)
"""Beyond a fisheye's and a long telephoto lens's, a number is rather of another unit."""
MAX_STRETCH = 2.0
"""Of pixels; films of old were stretched that much."""


def with_oddities(cameras: TrainingCameras, *, resized: bool) -> TrainingCameras:
    """The same cameras, right-handed, with a note on each thing that is odd about them.

    Args:
        resized: whether the pictures have another size than the file's, which may stretch them.
    """
    mirrored = [_is_mirrored(camera) for camera in cameras.cameras]
    turned = tuple(
        _righted(camera) if _is_mirrored(camera) else camera for camera in cameras.cameras
    )
    notes = (*_mirror_notes(mirrored), *_focal_notes(cameras.cameras, resized))
    return replace(cameras, cameras=turned, notes=cameras.notes + notes)


def _is_mirrored(camera: Camera) -> bool:
    return bool(np.linalg.det(camera.field_from_camera[:3, :3]) < 0)


def _righted(camera: Camera) -> Camera:
    """The right-handed camera with the same rays; its picture is the other's mirror image."""
    matrix = camera.field_from_camera * (-1, 1, 1, 1)
    return replace(camera, field_from_camera=matrix, cx=camera.width - camera.cx)


def _mirror_notes(mirrored: list[bool]) -> tuple[str, ...]:
    count = sum(mirrored)
    if not count:
        return ()
    which = "All" if count == len(mirrored) else f"{count} of {len(mirrored)}"
    return (
        f"{which} training cameras are mirrored (left-handed axes), which no camera can be; their "
        "pictures come out as mirror images of the photographs.",
    )


def _focal_notes(cameras: tuple[Camera, ...], resized: bool) -> tuple[str, ...]:
    """On the first camera whose focal length is hard to believe."""
    low, high = FOCAL_PER_WIDTH
    for camera in cameras:
        if not low <= (ratio := camera.fl_x / camera.width) <= high:
            return (
                f"The camera file has a focal length of {ratio:.3g} times the picture's width, "
                "which is odd; check its fl_x and w if the views do not fit.",
            )
        stretch = camera.fl_y / camera.fl_x
        if not resized and not 1 / MAX_STRETCH <= stretch <= MAX_STRETCH:
            return (
                f"The camera file has a focal length in y of {stretch:.3g} times that in x, which "
                "is odd; check its fl_x and fl_y if the views do not fit.",
            )
    return ()
