"""How far healthy joints bend.

Source of the ranges: Greene and Heckman 1994 (The Clinical Measurement of Joint Motion, AAOS).
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motionary.body.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS

LARGEST_ANGLE_DEG = {
    "hip": 150.0,
    "knee": 165.0,
    "ankle": 75.0,
    "foot": 85.0,
    "spine1": 60.0,
    "spine2": 60.0,
    "spine3": 60.0,
    "neck": 65.0,
    "head": 65.0,
    "collar": 60.0,
    "elbow": 165.0,
    "wrist": 100.0,
    "hand": 100.0,
}
"""How far each joint can be turned from the rest pose, about any axis. Pelvis and shoulders are free.

The ends of the healthy range plus about 15 degrees, because a body fitted to markers or pictures is not the
body.
"""

KNEE_BACKWARD_DEG = 15.0
ELBOW_BACKWARD_DEG = 30.0
"""How far the hinges can be bent the wrong way, from the same source with the same allowance."""

LIMITED = [joint for joint, name in enumerate(JOINT_NAMES) if name.rpartition("_")[2] in LARGEST_ANGLE_DEG]
"""The joints that have limits."""


def beyond_limits(rotations: Float[Tensor, "*B 24 3 3"]) -> Bool[Tensor, "*B 24"]:
    """Which joints are bent further than joints go.

    That is, their turn from the rest pose, arccos((trace R - 1) / 2), exceeds `LARGEST_ANGLE_DEG`, or they
    are knees or elbows whose lower limb points the wrong way by more than `KNEE_BACKWARD_DEG` or
    `ELBOW_BACKWARD_DEG`.

    Args:
        rotations: Of every joint in its parent's frame, from the rest pose (arms out, palms down).
    """
    limits = _limits_deg(rotations.device)
    trace = rotations.diagonal(dim1=-2, dim2=-1).sum(-1)
    beyond = trace < 1 + 2 * limits.deg2rad().clamp(max=torch.pi).cos()  # cos falls as the angle grows
    return (beyond & ~limits.isinf()) | _bent_backward(rotations)


def _limits_deg(device: torch.device) -> Float[Tensor, "24"]:
    """Largest turn of each joint; infinite for the free ones."""
    limits = torch.full((NUM_JOINTS,), torch.inf, device=device)
    for name, index in JOINT_INDEX.items():
        limits[index] = LARGEST_ANGLE_DEG.get(name.rpartition("_")[2], torch.inf)
    return limits


def _bent_backward(rotations: Float[Tensor, "*B 24 3 3"]) -> Bool[Tensor, "*B 24"]:
    """Knees and elbows whose lower limb points the wrong way.

    In the rest pose shins point along -y and bend towards -z; the left forearm points along +x, the right one
    along -x, and both bend towards +z.
    """
    bent = torch.zeros(rotations.shape[:-2], dtype=torch.bool, device=rotations.device)
    knee = torch.tensor(KNEE_BACKWARD_DEG).deg2rad().sin()
    elbow = torch.tensor(ELBOW_BACKWARD_DEG).deg2rad().sin()
    for side, outward in (("left", 1.0), ("right", -1.0)):
        shin_forward = -rotations[..., JOINT_INDEX[f"{side}_knee"], 2, 1]
        forearm_forward = outward * rotations[..., JOINT_INDEX[f"{side}_elbow"], 2, 0]
        bent[..., JOINT_INDEX[f"{side}_knee"]] = shin_forward > knee
        bent[..., JOINT_INDEX[f"{side}_elbow"]] = forearm_forward < -elbow
    return bent
