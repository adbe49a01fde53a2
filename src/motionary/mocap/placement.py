"""Units and axes of a recording: found from its proportions, its rest pose and its motion, or given."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.mocap.joint_names import SIDES, JointMap, match_joints
from motionary.mocap.recording import Recording
from motionary.motion import TURN_TO_Y_UP

Unit = Literal["auto", "m", "cm", "mm", "inch"]
Axis = Literal["auto", "x", "y", "z"]

METRES = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "Acclaim unit of CMU and HDM05": 0.0254 / 0.45}
"""Metres per unit, in the order in which they are tried."""

HUMAN_LEG_M = (0.45, 1.15)
"""Hip to ankle, from a child of six to a tall adult."""

STANDING = 0.8
"""Cosine to the vertical from which a trunk counts as upright."""


def in_metres_y_up(recording: Recording, units: Unit = "auto", up: Axis = "auto") -> Recording:
    """The recording in metres and with y up.

    Args:
        recording: As read.
        units: Its unit of length; "auto" takes what the file says, else what gives its legs a human length.
        up: Its vertical axis; "auto" looks at the rest pose and at the motion.

    Raises:
        ValueError: If the skeleton is not understood, or units or up is none of those known.
    """
    for name, value, known in (("units", units, get_args(Unit)), ("up", up, get_args(Axis))):
        if value not in known:
            raise ValueError(f"{name} must be one of {', '.join(known)}; got {value}.")
    joints = match_joints(recording)
    factor = metres_per_unit(recording, joints) if units == "auto" else METRES[units]
    axis = vertical_axis(recording, joints) if up == "auto" else up
    return recording.scaled(factor).turned(TURN_TO_Y_UP[axis])


def metres_per_unit(recording: Recording, joints: JointMap) -> float:
    """What the file says, else the first unit that gives human legs, else one that gives legs of 0.8 m."""
    if recording.metres_per_unit is not None:
        return recording.metres_per_unit
    leg = np.mean(
        [recording.path_length(joints.limbs[f"{s}_hip"], joints.limbs[f"{s}_ankle"]) for s in SIDES]
    )
    if leg <= 0:
        raise ValueError(f"{recording.name}: its legs have no length.")
    human = [factor for factor in METRES.values() if HUMAN_LEG_M[0] <= leg * factor <= HUMAN_LEG_M[1]]
    return float(human[0] if human else 0.8 / leg)


def vertical_axis(recording: Recording, joints: JointMap) -> Literal["y", "z"]:
    """The axis that the recording's evidence is for; y where it has none.

    Upright frames tell it by the trunk. Someone who lies or crawls all the time has none or misleading
    ones: then the zero pose decides if it stands along an axis; the motion overrules it only where the
    floor lies at its zero.
    """
    points = recording.world()[1]
    trunk = points[:, joints.head] - points[:, joints.trunk[0]]
    trunk = trunk / np.linalg.norm(trunk, axis=-1, keepdims=True)
    upright = [(trunk[:, axis] > STANDING).mean() for axis in (1, 2)]
    seen: Literal["y", "z"] = "z" if upright[1] > upright[0] else "y"
    told = _told_by_rest_pose(recording, joints)
    if told is None or told == seen or max(upright) == 0:
        return told or seen
    return seen if _floor_at_zero(points, joints, seen) and not _floor_at_zero(points, joints, told) else told


def _told_by_rest_pose(recording: Recording, joints: JointMap) -> Literal["y", "z"] | None:
    """The axis along which the zero pose has its head over its hips over its feet."""
    rest = recording.rest_points()
    feet = rest[[joints.limbs["left_ankle"], joints.limbs["right_ankle"]]].mean(0)
    steps = [rest[joints.head] - rest[joints.trunk[0]], rest[joints.trunk[0]] - feet]
    for axis, name in ((1, "y"), (2, "z")):
        if all(step[axis] > STANDING * np.linalg.norm(step) for step in steps):
            return "y" if name == "y" else "z"
    return None


def _floor_at_zero(points: Float[ndarray, "T J 3"], joints: JointMap, axis: str) -> bool:
    """Whether the lowest joint of most frames is about as high as zero."""
    used = [*joints.limbs.values(), *joints.trunk, joints.head]
    heights = points[:, used, "xyz".index(axis)]
    size = np.linalg.norm(np.ptp(points[:, used].mean(0), axis=0))
    return bool(abs(np.percentile(heights.min(1), 20)) < 0.12 * size)
