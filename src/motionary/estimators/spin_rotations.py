"""Rotations as SPIN, VIBE and PARE compute them, to the last bit that matters, for their networks and files.

For anything else take `motionary.rotations`, which has no seams. Radians; quaternions have w first.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

VIBE_EPS = 1e-6
"""Shortest length that VIBE divides a 6D column by."""
SPIN_EPS = 1e-12
"""The same in SPIN and PARE."""


def columns_6d_to_matrix(columns: Float[Tensor, "*B 6"], eps: float) -> Float[Tensor, "*B 3 3"]:
    """Rotation matrix of a 6D form that lists a 3x2 matrix row by row: its columns become the first two.

    Zhou et al. 2019, arXiv:1812.07035, eq. 15; eps is the shortest length divided by.
    """
    first, second = columns.unflatten(-1, (3, 2)).unbind(-1)
    b1 = normalize(first, dim=-1, eps=eps)
    b2 = normalize(second - (b1 * second).sum(-1, keepdim=True) * b1, dim=-1, eps=eps)
    return torch.stack([b1, b2, torch.linalg.cross(b1, b2)], dim=-1)


def matrix_to_columns_6d(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 6"]:
    """The first two columns, as a 3x2 matrix listed row by row."""
    return matrix[..., :2].flatten(-2)


def matrix_to_spin_quaternion(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 4"]:
    """Quaternion by one of four formulas, chosen by signs on the diagonal; not normalised, of either sign."""
    m = matrix
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    w2, x2 = 1 + m00 + m11 + m22, 1 + m00 - m11 - m22
    y2, z2 = 1 - m00 + m11 - m22, 1 - m00 - m11 + m22
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    forms = torch.stack(
        [
            torch.stack([wx, x2, xy, xz], -1),
            torch.stack([wy, xy, y2, yz], -1),
            torch.stack([wz, xz, yz, z2], -1),
            torch.stack([w2, wx, wy, wz], -1),
        ],
        -2,
    )
    divisors = torch.stack([x2, y2, z2, w2], -1)
    low = m22 < VIBE_EPS
    which = torch.where(low, torch.where(m00 > m11, 0, 1), torch.where(m00 < -m11, 2, 3))[..., None]
    index = which[..., None].expand(*which.shape, 4)
    return forms.gather(-2, index).squeeze(-2) * (0.5 / divisors.gather(-1, which).sqrt())


def spin_quaternion_to_axis_angle(quaternion: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 3"]:
    """Rotation vector of at most half a turn, of a quaternion of any length."""
    w, vector = quaternion[..., :1], quaternion[..., 1:]
    squared = (vector**2).sum(-1, keepdim=True)
    positive = squared > 0
    s = torch.where(positive, squared, torch.ones_like(squared)).sqrt()
    angle = 2 * torch.where(w < 0, torch.atan2(-s, -w), torch.atan2(s, w))
    return vector * torch.where(positive, angle / s, torch.full_like(s, 2.0))


def matrix_to_spin_axis_angle(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 3"]:
    """Rotation vector; zero where the formulas break down."""
    return spin_quaternion_to_axis_angle(matrix_to_spin_quaternion(matrix)).nan_to_num(nan=0.0)


def spin_axis_angle_to_matrix(axis_angle: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Rotation matrix; the length is taken of the vector with 1e-8 added to each component."""
    angle = (axis_angle + 1e-8).norm(dim=-1, keepdim=True)
    half = 0.5 * angle
    quaternion = normalize(torch.cat([half.cos(), half.sin() * axis_angle / angle], -1), dim=-1)
    w, x, y, z = quaternion.unbind(-1)
    rows = (
        (w * w + x * x - y * y - z * z, 2 * x * y - 2 * w * z, 2 * w * y + 2 * x * z),
        (2 * w * z + 2 * x * y, w * w - x * x + y * y - z * z, 2 * y * z - 2 * w * x),
        (2 * x * z - 2 * w * y, 2 * w * x + 2 * y * z, w * w - x * x - y * y + z * z),
    )
    return torch.stack([torch.stack(row, -1) for row in rows], -2)
