"""Motion <-> the (T, 25, 6) features ACTOR learns from (Petrovich et al. 2021, section 3).

Rows 0..23 are the joints' rotations in 6D; row 24 is the root joint's position relative to the first frame, in metres,
in its first three entries, the other three zero.
"""

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_matrix, axis_angle_to_rotation_6d, rotation_6d_to_axis_angle

NUM_ROWS = NUM_JOINTS + 1
NUM_FEATURES = 6


def motion_to_features(motion: Motion) -> Float[ndarray, "T 25 6"]:
    """Features of a motion; where it starts in the room is forgotten."""
    features = np.zeros((len(motion), NUM_ROWS, NUM_FEATURES), np.float32)
    features[:, :NUM_JOINTS] = axis_angle_to_rotation_6d(torch.from_numpy(motion.pose)).numpy()
    # The rest pelvis is constant, so differences of `transl` are differences of the root joint.
    features[:, NUM_JOINTS, :3] = motion.translation - motion.translation[0]
    return features


def features_to_motion(
    features: Float[ndarray, "T 25 6"] | Float[Tensor, "T 25 6"], fps: float, action: str | None = None
) -> Motion:
    """Motion that starts at translation zero; rotations need not be orthonormal."""
    rows = torch.as_tensor(features).detach().cpu().float()
    return Motion(
        pose=rotation_6d_to_axis_angle(rows[:, :NUM_JOINTS]).numpy(),
        translation=rows[:, NUM_JOINTS, :3].numpy(),
        fps=fps,
        action=action,
    )


def face_forward(motion: Motion) -> Motion:
    """The motion turned about the vertical so that its first frame faces +z.

    Labels seldom depend on where in the room a person faces; removing the heading makes small data sets go further.
    """
    return motion.turn(-heading_rad(motion))


def heading_rad(motion: Motion) -> float:
    """Angle about y, radians, from +z to the direction the pelvis faces on the ground in the first frame."""
    return float(headings_rad(motion)[0])


def headings_rad(motion: Motion) -> Float[ndarray, "T"]:
    """Heading of every frame, as `heading_rad`."""
    R_world_pelvis = axis_angle_to_matrix(torch.from_numpy(motion.pose[:, 0])).numpy()
    left = R_world_pelvis[:, :, 0]  # steadier than the front when a person bends over
    return np.arctan2(-left[:, 2], left[:, 0])
