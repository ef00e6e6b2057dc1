"""Spherical harmonics up to degree 3 as the encoding of a direction: 16 values.

The constants and signs are the published ones of tiny-cuda-nn and of nerfstudio's torch fallback.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from .shading import spherical_harmonics

COUNT = 16
K3, KXYZ, KZZ, KZ, KXX = (
    0.5900435899266435,
    2.890611442640554,
    0.4570457994644658,
    0.3731763325901154,
    1.445305721320277,
)


def sixteen_harmonics(directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r 16"]:
    """The basis functions at unit directions, with tiny-cuda-nn's signs."""
    x, y, z = directions.unbind(dim=1)
    xx, yy, zz = x * x, y * y, z * z
    third = [
        K3 * y * (yy - 3 * xx),
        KXYZ * x * y * z,
        KZZ * y * (1 - 5 * zz),
        KZ * z * (5 * zz - 3),
        KZZ * x * (1 - 5 * zz),
        KXX * z * (xx - yy),
        K3 * x * (3 * yy - xx),
    ]
    return torch.cat([spherical_harmonics(directions), torch.stack(third, dim=1)], dim=1)


def torch_harmonics(directions: Float[Tensor, "r 3"]) -> Float[Tensor, "r 16"]:
    """What nerfstudio's torch fallback computes at unit directions.

    Its polynomials are evaluated at ``(direction + 1) / 2``, not at the direction: models were
    trained with that, so they must be rendered with it.
    """
    x, y, z = ((directions + 1) / 2).unbind(dim=1)
    xx, yy, zz = x * x, y * y, z * z
    k1, k2, k2x = 0.4886025119029199, 1.0925484305920792, 0.5462742152960396
    return torch.stack(
        [
            torch.full_like(x, 0.28209479177387814),
            k1 * y,
            k1 * z,
            k1 * x,
            k2 * x * y,
            k2 * y * z,
            0.9461746957575601 * zz - 0.31539156525251999,
            k2 * x * z,
            k2x * (xx - yy),
            K3 * y * (3 * xx - yy),
            KXYZ * x * y * z,
            KZZ * y * (5 * zz - 1),
            KZ * z * (5 * zz - 3),
            KZZ * x * (5 * zz - 1),
            KXX * z * (xx - yy),
            K3 * x * (xx - 3 * yy),
        ],
        dim=1,
    )
