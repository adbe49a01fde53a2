"""Motion <-> the (T, 25, 6) features ACTOR learns from (Petrovich et al. 2021, section 3).

Rows 0..23 are the joints' rotations in 6D; row 24 is the root joint's position relative to the first frame,
in metres, in its first three entries, the other three zero.

Features -> points in space is done as ACTOR's published code does it: points of a body whose root joint stays
put, to which `add_trajectory` gives the root's path back.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from motionary.body.assets import default_body
from motionary.body.feet import planting
from motionary.body.joint_sets import JOINT_SETS, set_points
from motionary.body.kinematics import forward_kinematics
from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel, PosedBody
from motionary.motion import Motion
from motionary.rotations import (
    axis_angle_to_matrix,
    axis_angle_to_rotation_6d,
    rotation_6d_to_axis_angle,
    rotation_6d_to_matrix,
)

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


def half_turn(features: Float[Tensor, "*B 25 6"]) -> Float[Tensor, "*B 25 6"]:
    """The motion turned by 180 degrees about the x axis: from a camera's axes (y down) to ours, and back.

    A person upright in the picture is upright afterwards; one who looks at the camera faces +z.
    """
    signs = features.new_ones(NUM_ROWS, NUM_FEATURES)
    signs[0, 3:] = -1  # the second row of diag(1, -1, -1) R
    signs[NUM_JOINTS, 1:3] = -1
    return features * signs


def face_forward(motion: Motion) -> Motion:
    """The motion turned about the vertical so that its first frame faces +z.

    Labels seldom depend on where in the room a person faces; removing the heading makes small data sets go
    further.
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


def features_to_joints(
    features: Float[Tensor, "B T 25 6"],
    body: BodyModel,
    mask: Bool[Tensor, "B T"] | None = None,
    joint_set: str = "smpl",
    betas: Float[Tensor, "*S 10"] | None = None,
    extra_regressor: Float[Tensor, "9 V"] | None = None,
) -> Float[Tensor, "B T K 3"]:
    """Points of a joint set, in metres from its root joint at the same frame.

    Args:
        features: As made by `motion_to_features`; rotations need not be orthonormal. Row 24 is not used.
        body: The body to pose; a SMPL one for every set but "smpl".
        mask: True on real frames; the points of others are zero. All frames when None.
        joint_set: Key of `body.joint_sets.JOINT_SETS`.
        betas: Shape, one for all (10,) or one per frame (B, T, 10); the mean shape when None.
        extra_regressor: For sets with points beyond SMPL's own, as `body.joint_sets.set_points` wants it.

    Source: Petrovich et al. 2021, arXiv:2104.05670, as its published code defines it.
    """
    real = _real_frames(features, mask)
    points = set_points(_posed(features, body, real, betas), joint_set, extra_regressor)
    root = JOINT_SETS[joint_set].root
    return _to_frames(points - points[:, root : root + 1], real)


def features_to_vertices(
    features: Float[Tensor, "B T 25 6"],
    body: BodyModel,
    mask: Bool[Tensor, "B T"] | None = None,
    betas: Float[Tensor, "*S 10"] | None = None,
    vertex_ids: Int[Tensor, "K"] | None = None,
) -> Float[Tensor, "B T K 3"]:
    """All vertices, or those of vertex_ids, in metres, the root joint at rest; see `features_to_joints`."""
    real = _real_frames(features, mask)
    return _to_frames(_posed(features, body, real, betas).skin(vertex_ids), real)


def add_trajectory(
    points: Float[Tensor, "B T K 3"], features: Float[Tensor, "B T 25 6"]
) -> Float[Tensor, "B T K 3"]:
    """The points moved along the root's path, which starts at zero in the first frame."""
    path = features[:, :, NUM_JOINTS, :3]
    return points + (path - path[:, :1])[:, :, None]


def plant_feet(
    features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"] | None, fps: float
) -> Float[Tensor, "B T 25 6"]:
    """The motions on a path of the root on which standing feet stay in place; see `body.feet.planting`.

    Args:
        features: Of the mean-shaped default body, y up.
        mask: True on real frames; all when None.
        fps: Frames per second.
    """
    real = _real_frames(features, mask)
    joints = moving_joints(features, default_body().joints_template.to(features))
    planted = features.clone()
    planted[:, :, NUM_JOINTS, :3] += planting(joints, fps, real)
    return planted


def moving_joints(
    features: Float[Tensor, "B T 25 6"], rest_joints: Float[Tensor, "24 3"]
) -> Float[Tensor, "B T 24 3"]:
    """Joints in metres along the root's path, of a body with these joints at rest."""
    _, joints = forward_kinematics(rotation_6d_to_matrix(features[:, :, :NUM_JOINTS]), rest_joints)
    return joints + features[:, :, NUM_JOINTS, None, :3]


def _real_frames(
    features: Float[Tensor, "B T 25 6"], mask: Bool[Tensor, "B T"] | None
) -> Bool[Tensor, "B T"]:
    return torch.ones(features.shape[:2], dtype=torch.bool, device=features.device) if mask is None else mask


def _posed(
    features: Float[Tensor, "B T 25 6"],
    body: BodyModel,
    real: Bool[Tensor, "B T"],
    betas: Float[Tensor, "*S 10"] | None,
) -> PosedBody:
    """The body at the real frames, one after the other."""
    if betas is not None and betas.ndim > 1:
        betas = betas[real]
    return body.shape(betas).pose(rotation_6d_to_matrix(features[real][:, :NUM_JOINTS]))


def _to_frames(points: Float[Tensor, "N K 3"], real: Bool[Tensor, "B T"]) -> Float[Tensor, "B T K 3"]:
    """The points of the real frames at their places, zeros elsewhere."""
    frames = points.new_zeros(*real.shape, *points.shape[1:])
    frames[real] = points
    return frames
