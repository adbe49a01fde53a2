"""Rotations as axis-angle, quaternion (w first), matrix and 6D, for tensors of any batch shape.

Conventions: radians, right-handed, matrices act on column vectors. The 6D form is the first two ROWS of the
matrix (Zhou et al. 2019, arXiv:1812.07035, in the row layout that pytorch3d and ACTOR use).
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

SMALL_ANGLE = 1e-6
"""Radians below which sin(t/2)/t is replaced by its Taylor series."""


def axis_angle_to_quaternion(axis_angle: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 4"]:
    """Unit quaternion, w first, of a rotation vector in radians."""
    angle = axis_angle.norm(dim=-1, keepdim=True)
    small = angle.abs() < SMALL_ANGLE
    safe = torch.where(small, torch.ones_like(angle), angle)
    sinc_half = torch.where(small, 0.5 - angle**2 / 48, (0.5 * safe).sin() / safe)
    return torch.cat([(0.5 * angle).cos(), axis_angle * sinc_half], dim=-1)


def quaternion_to_axis_angle(quaternion: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 3"]:
    """Rotation vector in radians, of length 0 to 2 pi: the quaternion's sign is kept, not made canonical."""
    vector = quaternion[..., 1:]
    length = vector.norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(length, quaternion[..., :1])
    small = angle.abs() < SMALL_ANGLE
    safe = torch.where(small, torch.ones_like(angle), angle)
    sinc_half = torch.where(small, 0.5 - angle**2 / 48, (0.5 * safe).sin() / safe)
    return vector / sinc_half


def quaternion_to_matrix(quaternion: Float[Tensor, "*B 4"]) -> Float[Tensor, "*B 3 3"]:
    """Rotation matrix of a quaternion of any non-zero length."""
    w, x, y, z = quaternion.unbind(-1)
    s = 2 / (quaternion**2).sum(-1)
    rows = (
        (1 - s * (y * y + z * z), s * (x * y - z * w), s * (x * z + y * w)),
        (s * (x * y + z * w), 1 - s * (x * x + z * z), s * (y * z - x * w)),
        (s * (x * z - y * w), s * (y * z + x * w), 1 - s * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def matrix_to_quaternion(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 4"]:
    """Unit quaternion with w >= 0, accurate at every angle, half turns included.

    Of the four algebraically equal forms the one with the largest divisor is taken (Shepperd 1978).
    """
    m = matrix
    w2 = 1 + m[..., 0, 0] + m[..., 1, 1] + m[..., 2, 2]
    x2 = 1 + m[..., 0, 0] - m[..., 1, 1] - m[..., 2, 2]
    y2 = 1 - m[..., 0, 0] + m[..., 1, 1] - m[..., 2, 2]
    z2 = 1 - m[..., 0, 0] - m[..., 1, 1] + m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    candidates = torch.stack(
        [
            torch.stack([w2, wx, wy, wz], -1),
            torch.stack([wx, x2, xy, xz], -1),
            torch.stack([wy, xy, y2, yz], -1),
            torch.stack([wz, xz, yz, z2], -1),
        ],
        dim=-2,
    )
    largest = torch.stack([w2, x2, y2, z2], -1).argmax(-1)
    index = largest[..., None, None].expand(*largest.shape, 1, 4)
    quaternion = normalize(candidates.gather(-2, index).squeeze(-2), dim=-1)
    return torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def matrix_to_quaternion_by_signs(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 4"]:
    """The formula of early pytorch3d, for reproducing files made with it.

    Each component's size comes from the diagonal and its sign from the antisymmetric part, so it is off by up
    to 5e-4 near half turns and loses relative signs at exactly pi. Use `matrix_to_quaternion` for anything
    else.
    """
    m = matrix
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    # Near zero the sums' last bits decide: they are added up from the left, as there.
    sums = (1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22)
    sizes = 0.5 * torch.stack(sums, -1).clamp(min=0).sqrt()
    antisymmetric = torch.stack(
        [m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]], -1
    )
    return torch.cat([sizes[..., :1], torch.where(antisymmetric < 0, -sizes[..., 1:], sizes[..., 1:])], -1)


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Rotation matrix of a rotation vector in radians."""
    return quaternion_to_matrix(axis_angle_to_quaternion(axis_angle))


def matrix_to_axis_angle(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 3"]:
    """Rotation vector in radians, of length 0 to pi."""
    return quaternion_to_axis_angle(matrix_to_quaternion(matrix))


def matrix_to_rotation_6d(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 6"]:
    """First two rows of the matrix, row by row."""
    return matrix[..., :2, :].flatten(-2)


def rotation_6d_to_matrix(rotation_6d: Float[Tensor, "*B 6"]) -> Float[Tensor, "*B 3 3"]:
    """Rotation matrix by Gram-Schmidt on the two rows (Zhou et al. 2019, eq. 15, on rows)."""
    first, second = rotation_6d[..., :3], rotation_6d[..., 3:]
    row_0 = normalize(first, dim=-1)
    row_1 = normalize(second - (row_0 * second).sum(-1, keepdim=True) * row_0, dim=-1)
    return torch.stack([row_0, row_1, torch.linalg.cross(row_0, row_1)], dim=-2)


def axis_angle_to_rotation_6d(axis_angle: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 6"]:
    """6D form of a rotation vector in radians."""
    return matrix_to_rotation_6d(axis_angle_to_matrix(axis_angle))


def rotation_6d_to_axis_angle(rotation_6d: Float[Tensor, "*B 6"]) -> Float[Tensor, "*B 3"]:
    """Rotation vector, in radians, of a 6D form that need not be orthonormal."""
    return matrix_to_axis_angle(rotation_6d_to_matrix(rotation_6d))


def geodesic_distance(a: Float[Tensor, "*B 3 3"], b: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B"]:
    """Angle in radians, 0 to pi, of the rotation between two matrices."""
    quaternion = matrix_to_quaternion(a.mT @ b)
    return 2 * torch.atan2(quaternion[..., 1:].norm(dim=-1), quaternion[..., 0])


def slerp(
    a: Float[Tensor, "*B 4"], b: Float[Tensor, "*B 4"], t: Float[Tensor, "*B"] | float
) -> Float[Tensor, "*B 4"]:
    """Unit quaternion a fraction t of the way from a to b, along the shorter arc (Shoemake 1985)."""
    fraction = torch.as_tensor(t, dtype=a.dtype, device=a.device)[..., None]
    dot = (a * b).sum(-1, keepdim=True)
    b = torch.where(dot < 0, -b, b)
    angle = torch.atan2((a - b).norm(dim=-1, keepdim=True), (a + b).norm(dim=-1, keepdim=True)) * 2
    small = angle < 1e-4  # the arc is a line to float32 there
    safe = torch.where(small, torch.ones_like(angle), angle)
    weight_a = torch.where(small, 1 - fraction, ((1 - fraction) * safe).sin() / safe.sin())
    weight_b = torch.where(small, fraction, (fraction * safe).sin() / safe.sin())
    return normalize(weight_a * a + weight_b * b, dim=-1)


def rotation_between(a: Float[Tensor, "*B 3"], b: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3 3"]:
    """Smallest rotation that turns direction a onto direction b; lengths do not matter."""
    a, b = torch.broadcast_tensors(normalize(a, dim=-1), normalize(b, dim=-1))
    cross = torch.linalg.cross(a, b)
    sine = cross.norm(dim=-1, keepdim=True)
    angle = torch.atan2(sine, (a * b).sum(-1, keepdim=True))
    helper = torch.eye(3, dtype=a.dtype, device=a.device)[a.abs().argmin(-1)]
    any_normal = torch.linalg.cross(a, helper)  # opposite directions leave the axis free
    axis = torch.where(sine > SMALL_ANGLE, cross, any_normal)
    return axis_angle_to_matrix(normalize(axis, dim=-1) * angle)
