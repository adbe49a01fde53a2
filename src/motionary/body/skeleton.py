"""SMPL's 24 joints: names, tree and mirror (Loper et al. 2015, https://smpl.is.tue.mpg.de)."""

import numpy as np
from jaxtyping import Float

JOINT_NAMES = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hand",
    "right_hand",
)
"""In SMPL's order; the body faces +z with +x to its left and y up in the rest pose (arms out)."""

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
"""Index of each joint's parent; the pelvis has none."""

NUM_JOINTS = len(JOINT_NAMES)
JOINT_INDEX = {name: index for index, name in enumerate(JOINT_NAMES)}


def _other_side(name: str) -> str:
    swap = {"left": "right", "right": "left"}
    side, _, rest = name.partition("_")
    return f"{swap[side]}_{rest}" if side in swap else name


MIRROR = tuple(JOINT_INDEX[_other_side(name)] for name in JOINT_NAMES)
"""Index of each joint's counterpart on the other side; joints on the midline map to themselves."""


def mirror_pose(pose: Float[np.ndarray, "*B 24 3"]) -> Float[np.ndarray, "*B 24 3"]:
    """Pose of the mirror image across the body's x = 0 plane.

    A reflection in x turns a rotation vector (x, y, z) into (x, -y, -z), and left joints become right ones.
    """
    return pose[..., list(MIRROR), :] * np.array([1, -1, -1], dtype=pose.dtype)
