"""Where trainings on LLFF's files put the cameras (Mildenhall et al. 2019; NeRF's data loader).

Nothing of this is in a checkpoint, so it is computed again from all cameras of the data set.
Axes are OpenGL's. TensoRF builds its average pose left-handed, so that its model space is the
mirror image of this frame; its loader undoes that (``fields/ndc.py``), and the cameras agree.
All raise numpy's LinAlgError where the cameras determine no such frame.
"""

from __future__ import annotations

import numpy as np

BOUND_FACTOR = 0.75
"""The nearest thing comes to lie at 4/3 of the unit, safely behind the near plane at 1."""
SIDEWAYS_HINT = np.array([0.1, 0.2, 0.3])
"""Any direction would do; this is the one NeRF's loader takes."""


def recentred(matrices: np.ndarray, nearest: float) -> np.ndarray:
    """Camera matrices [n 4 4] about their average, in units of the nearest thing's distance.

    Args:
        nearest: smallest depth bound of all cameras, in the matrices' unit.
    """
    scaled = matrices.copy()
    scaled[:, :3, 3] /= BOUND_FACTOR * nearest
    return np.asarray(np.linalg.inv(_average(scaled)) @ scaled)


def _average(matrices: np.ndarray) -> np.ndarray:
    """The mean centre with axes along the mean viewing direction and, roughly, the mean up."""
    average = np.eye(4)
    back = _unit(matrices[:, :3, 2].sum(axis=0))
    right = _unit(np.cross(matrices[:, :3, 1].sum(axis=0), back))
    average[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    average[:3, 3] = matrices[:, :3, 3].mean(axis=0)
    return average


def spherified(matrices: np.ndarray) -> np.ndarray:
    """Camera matrices [n 4 4] around what they all look at, about 1 away, their mean side up (+z).

    The origin is the point closest to all optical axes; the unit is the root mean square distance.
    """
    axes, centers = matrices[:, :3, 2], matrices[:, :3, 3]
    across = np.eye(3) - axes[:, :, None] * axes[:, None, :]
    middle = np.linalg.pinv(across.mean(axis=0)) @ (across @ centers[:, :, None]).mean(axis=0)[:, 0]
    up = _unit((centers - middle).mean(axis=0))
    side = _unit(np.cross(SIDEWAYS_HINT, up))
    frame = np.eye(4)
    frame[:3, :3] = np.stack([side, np.cross(up, side), up], axis=1)
    frame[:3, 3] = middle
    moved = np.linalg.inv(frame) @ matrices
    moved[:, :3, 3] /= np.sqrt((moved[:, :3, 3] ** 2).sum(axis=1).mean())
    return np.asarray(moved)


def upright(matrices: np.ndarray) -> np.ndarray:
    """Camera matrices [n 4 4] turned about their mean centre by the shortest way.

    The direction in which the centres differ least comes to +y (DirectVoxGO's unbounded scenes).
    """
    centers = matrices[:, :3, 3]
    mean = centers.mean(axis=0)
    least = np.linalg.eigh((centers - mean).T @ (centers - mean))[1][:, 0]
    turn = _shortest_turn(-least if least[1] < 0 else least, np.array([0.0, 1.0, 0.0]))
    about = np.eye(4)
    about[:3, :3] = turn
    about[:3, 3] = mean - turn @ mean
    return np.asarray(about @ matrices)


def _shortest_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """The rotation [3 3] between two unit vectors less than 180 degrees apart (Rodrigues)."""
    x, y, z = np.cross(start, end)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + start @ end))


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    if length < 1e-9:
        raise np.linalg.LinAlgError("cameras that cancel each other have no average")
    return np.asarray(vector / length)
