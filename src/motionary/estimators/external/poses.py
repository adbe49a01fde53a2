"""Rotations as other systems save them -> SMPL's 24 rotation vectors, told apart by their shape alone.

T frames, J joints. A joint's rotation is a rotation vector (3 numbers), a 6D form (6) or a matrix (9).
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.rotations import matrix_to_axis_angle, rotation_6d_to_matrix

SixD = Literal["rows", "columns"]
"""What six numbers are: the first two rows of the matrix (pytorch3d, ACTOR) or its first two columns."""

BODY_JOINTS = 22
"""Joints that SMPL, SMPL-H and SMPL-X share: the pelvis and 21 more. After them come hands, which differ."""

JOINT_COUNTS = (24, 23, 22, 21, 52, 55)
"""SMPL, SMPL without its root, the shared ones, those without their root, SMPL-H, SMPL-X."""

ROOTLESS = (23, 21)

LARGEST_ANGLE_RAD = 6 * np.pi
"""Three whole turns: no system lets a rotation vector grow so long, and one in degrees is longer."""

LARGEST_SKEW = 0.5
"""How far a matrix times its transpose may be from the identity: smoothed ones are not quite rotations."""


def pose_of(pose: ndarray, root: ndarray | None = None, six_d: SixD = "rows") -> Float[ndarray, "T 24 3"]:
    """Rotation vectors of SMPL's joints; what SMPL lacks is left out, hands that a file lacks are zero.

    Args:
        pose: (T, J * n), (T, J, n) or (T, J, 3, 3) with n = 3, 6 or 9 and J one of `JOINT_COUNTS`.
        root: The pelvis's rotation in any of these forms, where the pose is without it.
        six_d: What six numbers are.

    Raises:
        ValueError: If the shape is none of these, or the numbers are no rotations.
    """
    vectors = _rotation_vectors("pose", pose, JOINT_COUNTS, six_d)
    if vectors.shape[1] in ROOTLESS:
        if root is None:
            raise ValueError(f"a pose of {vectors.shape[1]} joints, {pose.shape}, needs the root's rotation")
        first = _rotation_vectors("the root's rotation", root, (1,), six_d)
        if len(first) != len(vectors):
            raise ValueError(f"the root has {len(first)} frames, the pose {len(vectors)}")
        vectors = np.concatenate([first, vectors], axis=1)
    whole = np.zeros((len(vectors), NUM_JOINTS, 3), np.float32)
    shared = NUM_JOINTS if vectors.shape[1] == NUM_JOINTS else BODY_JOINTS
    whole[:, :shared] = vectors[:, :shared]
    return whole


def _rotation_vectors(
    name: str, values: ndarray, joint_counts: tuple[int, ...], six_d: SixD
) -> Float[ndarray, "T J 3"]:
    values = np.asarray(values)
    num_joints, width = _layout(name, values.shape, joint_counts)
    if values.dtype.kind not in "fiu":
        raise ValueError(f"{name} must be numbers; got {values.dtype}")
    _check_finite(name, values)
    rows = torch.from_numpy(values.astype(np.float32)).reshape(len(values), num_joints, width)
    if width == 3:
        longest = float(rows.norm(dim=-1).max())
        if longest > LARGEST_ANGLE_RAD:
            raise ValueError(f"{name} turns a joint by {longest:.0f}; expected radians")
        return rows.numpy()
    matrix = _from_6d(rows, six_d) if width == 6 else _nearest_rotation(name, rows.unflatten(-1, (3, 3)))
    return matrix_to_axis_angle(matrix).numpy()


def _layout(name: str, shape: tuple[int, ...], joint_counts: tuple[int, ...]) -> tuple[int, int]:
    """Joints, and numbers per joint."""
    for count in joint_counts:
        for width in (3, 6, 9):
            forms = {(count * width,), (count, width)}
            if width == 9:
                forms.add((count, 3, 3))
                if count == 1:
                    forms.add((3, 3))
            if shape[1:] in forms and shape[0] > 0:
                return count, width
    expected = ", ".join(f"{count}x3" for count in joint_counts)
    raise ValueError(f"{name} must be (T, {expected}), 6 or 3x3 for each joint; got {shape}")


def _check_finite(name: str, values: ndarray) -> None:
    bad = ~np.isfinite(values.reshape(len(values), -1)).all(1)
    if bad.any():
        raise ValueError(f"{name} holds NaN or infinity in row {int(bad.argmax())}")


def _from_6d(rows: Float[Tensor, "T J 6"], six_d: SixD) -> Float[Tensor, "T J 3 3"]:
    matrix = rotation_6d_to_matrix(rows)
    return matrix if six_d == "rows" else matrix.mT


def _nearest_rotation(name: str, matrix: Float[Tensor, "T J 3 3"]) -> Float[Tensor, "T J 3 3"]:
    """Project onto rotations (Kabsch 1976), if they nearly are."""
    skew = (matrix @ matrix.mT - torch.eye(3)).abs().amax((-1, -2))
    off = (skew > LARGEST_SKEW) | (torch.linalg.det(matrix) <= 0)
    if off.any():
        frame = int(off.any(-1).int().argmax())
        raise ValueError(f"{name} holds matrices that are no rotations, the first in row {frame}")
    left, _, right = torch.linalg.svd(matrix)
    return left @ right
