"""Where BlazePose's landmarks sit on the SMPL body."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

from motionary.body.skeleton import JOINT_INDEX, NUM_JOINTS, PARENTS
from motionary.estimators.landmarks import LANDMARK_NAMES

ANKLES_TO_HEAD_M = 1.495
"""Height of the head joint above the ankles on the body that the offsets below belong to."""

LEFT_AND_MIDDLE = {
    "nose": ("head", (-0.01, 0.035, 0.130)),
    "left_eye_inner": ("head", (0.000, 0.070, 0.115)),
    "left_eye": ("head", (0.008, 0.072, 0.112)),
    "left_eye_outer": ("head", (0.018, 0.072, 0.107)),
    "left_ear": ("head", (0.062, 0.050, 0.010)),
    "mouth_left": ("head", (0.012, -0.005, 0.110)),
    "left_shoulder": ("left_shoulder", (0.018, 0.0, 0.0)),
    "left_elbow": ("left_elbow", (0.0, 0.0, 0.0)),
    "left_wrist": ("left_wrist", (0.0, 0.0, 0.0)),
    "left_pinky": ("left_wrist", (0.070, 0.0, -0.030)),
    "left_index": ("left_wrist", (0.080, 0.0, 0.020)),
    "left_thumb": ("left_wrist", (0.035, -0.01, 0.030)),
    "left_hip": ("left_hip", (0.045, 0.0, 0.0)),
    "left_knee": ("left_knee", (0.0, -0.020, 0.0)),
    "left_ankle": ("left_ankle", (0.0, 0.0, 0.0)),
    "left_heel": ("left_ankle", (0.0, -0.060, -0.050)),
    "left_foot_index": ("left_ankle", (0.035, -0.060, 0.160)),
}
"""Landmark -> joint and offset from it in the rest pose, metres; right-hand ones are their mirror images."""


@dataclass(frozen=True)
class Attachments:
    """The 33 landmarks as points fixed to joints."""

    joints: Int[ndarray, "33"]
    offsets_m: Float[ndarray, "33 3"]
    """In the rest pose's axes, from the joint."""

    def positions(
        self, R_world_joint: Float[ndarray, "*B 24 3 3"], joints: Float[ndarray, "*B 24 3"]
    ) -> Float[ndarray, "*B 33 3"]:
        """Landmarks of a posed body, metres."""
        turned = np.einsum("...lij,lj->...li", R_world_joint[..., self.joints, :, :], self.offsets_m)
        return joints[..., self.joints, :] + turned


def attach(rest_joints: Float[ndarray, "24 3"]) -> Attachments:
    """The landmarks on a body with the given rest joints, offsets scaled by its height."""
    ankles, head = (
        rest_joints[[JOINT_INDEX["left_ankle"], JOINT_INDEX["right_ankle"]]],
        rest_joints[JOINT_INDEX["head"]],
    )
    scale = float(head[1] - ankles[:, 1].mean()) / ANKLES_TO_HEAD_M
    joints, offsets = [], []
    for name in LANDMARK_NAMES:
        joint, offset = _place(name)
        joints.append(JOINT_INDEX[joint])
        offsets.append(offset)
    return Attachments(np.array(joints), scale * np.array(offsets))


def _place(name: str) -> tuple[str, tuple[float, float, float]]:
    if name in LEFT_AND_MIDDLE:
        return LEFT_AND_MIDDLE[name]
    joint, (x, y, z) = LEFT_AND_MIDDLE[name.replace("right", "left")]
    middle = (
        LEFT_AND_MIDDLE["nose"][1][0] if joint == "head" else 0.0
    )  # the head joint is not quite in the middle
    return joint.replace("left", "right"), (2 * middle - x, y, z)


def moves() -> Bool[ndarray, "24 24"]:
    """[a, j]: whether bending joint j moves what hangs on joint a."""
    table = np.zeros((NUM_JOINTS, NUM_JOINTS), bool)
    for joint in range(NUM_JOINTS):
        ancestor = joint
        while ancestor >= 0:
            table[joint, ancestor] = True
            ancestor = PARENTS[ancestor]
    return table
