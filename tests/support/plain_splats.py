"""3D Gaussian splatting written down plainly, pixel by pixel, in float64: slow, and sure.

From the paper and the original rasteriser's numbers; nothing of the engine is used.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sa3d_blender.core.cameras import Camera


@dataclass(frozen=True)
class PlainSplats:
    """Gaussians by what they are, not by how files store them."""

    means: np.ndarray
    covariances: np.ndarray
    """[n 3 3]"""
    opacities: np.ndarray
    harmonics: np.ndarray
    """[n k 3]"""


def plain_splats(
    means: np.ndarray,
    log_scales: np.ndarray,
    quaternions: np.ndarray,
    logits: np.ndarray,
    harmonics: np.ndarray,
) -> PlainSplats:
    """From the numbers of a file."""
    covariances = []
    for log_scale, quaternion in zip(log_scales, quaternions, strict=True):
        w, x, y, z = quaternion / np.linalg.norm(quaternion)
        # the columns are the turned axes: v + 2 w (u x v) + 2 u x (u x v)
        u = np.array([x, y, z])
        axes = [v + 2 * w * np.cross(u, v) + 2 * np.cross(u, np.cross(u, v)) for v in np.eye(3)]
        turned = np.stack(axes, axis=1)
        covariances.append(turned @ np.diag(np.exp(2 * log_scale)) @ turned.T)
    return PlainSplats(means, np.stack(covariances), 1 / (1 + np.exp(-logits)), harmonics)


def color_of(harmonics: np.ndarray, direction: np.ndarray) -> np.ndarray:
    """Of one Gaussian: [k 3] coefficients and a unit direction.

    By associated Legendre polynomials and multiples of the azimuth.
    """
    degree = int(np.sqrt(len(harmonics))) - 1
    x, y, z = direction
    azimuth, sine = np.arctan2(y, x), np.hypot(x, y)
    legendre = {  # with the Condon-Shortley phase
        (0, 0): 1.0,
        (1, 0): z,
        (1, 1): -sine,
        (2, 0): (3 * z * z - 1) / 2,
        (2, 1): -3 * z * sine,
        (2, 2): 3 * sine**2,
        (3, 0): (5 * z**3 - 3 * z) / 2,
        (3, 1): -1.5 * (5 * z * z - 1) * sine,
        (3, 2): 15 * z * sine**2,
        (3, 3): -15 * sine**3,
    }
    factorial = [1, 1, 2, 6, 24, 120, 720]
    basis = []
    for level in range(degree + 1):
        for order in range(-level, level + 1):
            m = abs(order)
            size = np.sqrt(
                (2 * level + 1) / (4 * np.pi) * factorial[level - m] / factorial[level + m]
            )
            value = size * legendre[level, m]
            if order > 0:
                value *= np.sqrt(2) * np.cos(m * azimuth)
            elif order < 0:
                value *= np.sqrt(2) * np.sin(m * azimuth)
            basis.append(value)
    return np.maximum(np.array(basis) @ harmonics + 0.5, 0)


def plain_picture(
    splats: PlainSplats, camera: Camera, background: float = 0.0, *, with_weights: bool = True
) -> tuple[np.ndarray, np.ndarray]:
    """The picture and, by pixel and Gaussian, the weights: [h w 3], [h w n].

    Args:
        with_weights: without, they are a single Gaussian's; those of many take gigabytes.
    """
    camera_from_field = np.linalg.inv(camera.field_from_camera)
    to_original = np.diag([1.0, -1.0, -1.0])  # y down, looking along +z
    turn = to_original @ camera_from_field[:3, :3]
    local = splats.means @ turn.T + to_original @ camera_from_field[:3, 3]
    shape = (camera.height, camera.width)
    picture, light = np.zeros((*shape, 3)), np.ones(shape)
    weights = np.zeros((*shape, len(local) if with_weights else 1))
    open_ = np.ones(shape, dtype=bool)
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    for n in np.argsort(local[:, 2], kind="stable"):
        x, y, z = local[n]
        if z <= 0.2:
            continue
        limits = 1.3 * camera.width / (2 * camera.fl_x), 1.3 * camera.height / (2 * camera.fl_y)
        tx, ty = (
            np.clip(x / z, -limits[0], limits[0]) * z,
            np.clip(y / z, -limits[1], limits[1]) * z,
        )
        derivative = np.array(
            [
                [camera.fl_x / z, 0, -camera.fl_x * tx / z**2],
                [0, camera.fl_y / z, -camera.fl_y * ty / z**2],
            ]
        )
        flat = derivative @ turn @ splats.covariances[n] @ turn.T @ derivative.T + 0.3 * np.eye(2)
        inverse = np.linalg.inv(flat)
        off = np.stack(
            [columns - camera.fl_x * x / z - camera.cx, rows - camera.fl_y * y / z - camera.cy], -1
        )
        power = -0.5 * np.einsum("hwi,ij,hwj->hw", off, inverse, off)
        alpha = np.minimum(0.99, splats.opacities[n] * np.exp(power))
        drawn = open_ & (alpha >= 1 / 255)
        fills = drawn & (light * (1 - alpha) < 1e-4)
        open_ &= ~fills
        drawn &= ~fills
        weight = np.where(drawn, light * alpha, 0)
        weights[..., n if with_weights else 0] = weight
        direction = splats.means[n] - camera.origin
        color = color_of(splats.harmonics[n], direction / np.linalg.norm(direction))
        picture += weight[..., None] * color
        light = np.where(drawn, light * (1 - alpha), light)
    return picture + light[..., None] * background, weights
