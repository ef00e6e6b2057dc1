"""Slow, plain versions of hash encodings and packed networks to compare with.

Written from the methods' descriptions with Python's whole numbers, point by point; nothing is
shared with the package.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

PRIMES = (1, 2654435761, 805459861)
HARMONIC_POWERS: tuple[tuple[float, dict[tuple[int, int, int], float]], ...] = (
    (math.sqrt(1 / (4 * math.pi)), {(0, 0, 0): 1}),
    (math.sqrt(3 / (4 * math.pi)), {(0, 1, 0): -1}),
    (math.sqrt(3 / (4 * math.pi)), {(0, 0, 1): 1}),
    (math.sqrt(3 / (4 * math.pi)), {(1, 0, 0): -1}),
    (math.sqrt(15 / (4 * math.pi)), {(1, 1, 0): 1}),
    (math.sqrt(15 / (4 * math.pi)), {(0, 1, 1): -1}),
    (math.sqrt(5 / (16 * math.pi)), {(0, 0, 2): 3, (0, 0, 0): -1}),
    (math.sqrt(15 / (4 * math.pi)), {(1, 0, 1): -1}),
    (math.sqrt(15 / (16 * math.pi)), {(2, 0, 0): 1, (0, 2, 0): -1}),
    (math.sqrt(35 / (32 * math.pi)), {(0, 3, 0): 1, (2, 1, 0): -3}),
    (math.sqrt(105 / (4 * math.pi)), {(1, 1, 1): 1}),
    (math.sqrt(21 / (32 * math.pi)), {(0, 1, 0): 1, (0, 1, 2): -5}),
    (math.sqrt(7 / (16 * math.pi)), {(0, 0, 3): 5, (0, 0, 1): -3}),
    (math.sqrt(21 / (32 * math.pi)), {(1, 0, 0): 1, (1, 0, 2): -5}),
    (math.sqrt(105 / (16 * math.pi)), {(2, 0, 1): 1, (0, 2, 1): -1}),
    (math.sqrt(35 / (32 * math.pi)), {(1, 2, 0): 3, (3, 0, 0): -1}),
)
"""Norm and powers of x, y, z with their factors, with tiny-cuda-nn's signs."""
MIRRORED = (1, 3, 5, 7, 9, 11, 13, 15)
"""Functions that nerfstudio's torch code has with the other sign."""


def harmonics(vector: np.ndarray, *, mirrored: bool = False) -> np.ndarray:
    """The 16 real spherical harmonics [16] as polynomials of a vector [3] of any length."""
    values = [
        norm * sum(f * np.prod(vector ** np.array(powers)) for powers, f in terms.items())
        for norm, terms in HARMONIC_POWERS
    ]
    if mirrored:
        for number in MIRRORED:
            values[number] = -values[number]
    return np.array(values)


def hashed(corner: tuple[int, ...]) -> int:
    """The spatial hash before it is cut to the table's size."""
    value = 0
    for c, prime in zip(corner, PRIMES, strict=True):
        value ^= (c * prime) % 2**32
    return value


def torch_features(
    table: np.ndarray, point: np.ndarray, scalings: list[int], log2_rows: int
) -> np.ndarray:
    """nerfstudio's torch encoding of a point in [0, 1]^3: every level hashed, no shift."""
    found = []
    for level, scale in enumerate(scalings):
        total = np.zeros(table.shape[1])
        for corner, weight in corners(point * scale):
            total += weight * table[level * 2**log2_rows + hashed(corner) % 2**log2_rows]
        found.append(total)
    return np.concatenate(found)


def tcnn_features(
    table: np.ndarray, point: np.ndarray, scales: list[float], log2_rows: int
) -> np.ndarray:
    """tiny-cuda-nn's encoding: half a cell's shift, levels that fit are rows in order."""
    found, start = [], 0
    for scale in scales:
        side = math.ceil(scale) + 1
        rows = min(math.ceil(side**3 / 8) * 8, 2**log2_rows)
        total = np.zeros(table.shape[1])
        for corner, weight in corners(point * scale + 0.5):
            x, y, z = corner
            row = x + y * side + z * side**2 if side**3 <= rows else hashed(corner)
            total += weight * table[start + row % rows]
        found.append(total)
        start += rows
    assert start == len(table)
    return np.concatenate(found)


def corners(place: np.ndarray) -> list[tuple[tuple[int, ...], float]]:
    """The corners of the cell a place lies in and their shares."""
    cell = np.floor(place)
    part = place - cell
    found = []
    for offset in itertools.product((0, 1), repeat=3):
        shares = [p if o else 1 - p for o, p in zip(offset, part, strict=True)]
        found.append((tuple(int(c) + o for c, o in zip(cell, offset, strict=True)), prod(shares)))
    return found


def prod(values: list[float]) -> float:
    """The product of some numbers."""
    return float(np.prod(values))


def packed_network(
    values: np.ndarray,
    inputs: np.ndarray,
    width: int,
    hidden: int,
    outputs: int,
    *,
    padding: float,
) -> np.ndarray:
    """The output of a network whose weights tiny-cuda-nn keeps in one list."""
    filled = math.ceil(len(inputs) / 16) * 16
    x = np.full(filled, padding)
    x[: len(inputs)] = inputs
    sizes = [filled, *[width] * hidden, math.ceil(outputs / 16) * 16]
    start = 0
    for number, (before, after) in enumerate(itertools.pairwise(sizes)):
        matrix = np.array(values[start : start + before * after]).reshape(after, before)
        start += before * after
        x = matrix @ x
        if number < hidden:
            x = np.maximum(x, 0)
    assert start == len(values)
    return x[:outputs]


def packed_count(inputs: int, width: int, hidden: int, outputs: int) -> int:
    """How many numbers `packed_network` takes."""
    first, last = (math.ceil(size / 16) * 16 for size in (inputs, outputs))
    return first * width + (hidden - 1) * width * width + width * last
