"""Inverse kinematics: 3D landmarks -> SMPL pose, in closed form, all frames at once.

Axes here: x right, y up, z towards the viewer, as in SMPL's own rest pose seen from the front.
Each bone gets a full frame, not only a direction: the knee and elbow planes tell how thighs and upper arms
twist.
"""

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.body.skeleton import JOINT_INDEX, NUM_JOINTS, PARENTS
from motionary.estimators.attachments import Attachments
from motionary.estimators.landmarks import LANDMARK_INDEX
from motionary.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rotation_between

STRAIGHT = 0.25
"""Sine of a bend below which a limb's plane is partly taken from its neighbours."""

Vectors = Float[ndarray, "#T 3"]
Turns = Float[ndarray, "#T 3 3"]


def pose_from_landmarks(
    landmarks_m: Float[ndarray, "T 33 3"], rest_joints: Float[ndarray, "24 3"], attachments: Attachments
) -> Float[ndarray, "T 24 3 3"]:
    """Parent-relative rotations that point every bone as the landmarks do; bone lengths do not matter.

    Args:
        landmarks_m: Positions in any unit; their origin does not matter.
        rest_joints: The body's joints in the rest pose.
        attachments: Where the landmarks sit on it.
    """
    rest = attachments.positions(np.broadcast_to(np.eye(3), (1, NUM_JOINTS, 3, 3)), rest_joints[None])
    R_world = np.zeros((len(landmarks_m), NUM_JOINTS, 3, 3))
    seen, model = _Points(landmarks_m), _Points(rest)
    _torso(R_world, seen, model)
    for side in ("left", "right"):
        _leg(R_world, seen, model, side)
        _arm(R_world, seen, model, side)
    local = R_world.copy()
    parents = np.array(PARENTS[1:])
    local[:, 1:] = R_world[:, parents].swapaxes(-1, -2) @ R_world[:, 1:]
    return local


class _Points:
    """Landmarks by name."""

    def __init__(self, positions: Float[ndarray, "T 33 3"]) -> None:
        self._positions = positions

    def __call__(self, *names: str) -> Vectors:
        """The mean of the named landmarks."""
        return self._positions[:, [LANDMARK_INDEX[name] for name in names]].mean(1)

    def between(self, start: str, end: str) -> Vectors:
        """Unit vector from one landmark to another."""
        return _unit(self(end) - self(start))

    def up(self) -> Vectors:
        """From the middle of the hips to the middle of the shoulders."""
        return _unit(self("left_shoulder", "right_shoulder") - self("left_hip", "right_hip"))

    def nod(self) -> Vectors:
        """From between the ears to the nose."""
        return _unit(self("nose") - self("left_ear", "right_ear"))


def _torso(R_world: Float[ndarray, "T 24 3 3"], seen: _Points, model: _Points) -> None:
    def turn(side_start: str, side_end: str, other: str) -> Turns:
        frames = [_basis(p.between(side_start, side_end), getattr(p, other)()) for p in (seen, model)]
        return frames[0] @ frames[1].swapaxes(-1, -2)

    pelvis = turn("right_hip", "left_hip", "up")
    chest = turn("right_shoulder", "left_shoulder", "up")
    head = turn("right_ear", "left_ear", "nod")
    _set(R_world, "pelvis", pelvis)
    for share, name in ((1 / 3, "spine1"), (2 / 3, "spine2"), (1.0, "spine3")):
        _set(R_world, name, _part_way(pelvis, chest, share))
    for name in ("left_collar", "right_collar"):
        _set(R_world, name, chest)
    _set(R_world, "neck", _part_way(chest, head, 0.5))
    _set(R_world, "head", head)


def _leg(R_world: Float[ndarray, "T 24 3 3"], seen: _Points, model: _Points, side: str) -> None:
    hip, knee, ankle = f"{side}_hip", f"{side}_knee", f"{side}_ankle"
    thigh, rest_thigh = (points.between(hip, knee) for points in (seen, model))
    shank, rest_shank = (points.between(knee, ankle) for points in (seen, model))
    sole, rest_sole = (points.between(f"{side}_heel", f"{side}_foot_index") for points in (seen, model))
    axis = np.array([1.0, 0.0, 0.0])
    foot = _turn(sole, -shank, rest_sole, -rest_shank)
    sideways = R_world[:, JOINT_INDEX["pelvis"], :, 0] + foot[..., 0]
    if_straight = _turn(thigh, sideways, rest_thigh, axis[None])
    upper, lower = _hinged(thigh, shank, rest_thigh, rest_shank, axis, if_straight)
    _set(R_world, hip, upper)
    _set(R_world, knee, lower)
    _set(R_world, ankle, foot)
    _set(R_world, f"{side}_foot", foot)


def _arm(R_world: Float[ndarray, "T 24 3 3"], seen: _Points, model: _Points, side: str) -> None:
    shoulder, elbow, wrist = f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"
    upper, rest_upper = (points.between(shoulder, elbow) for points in (seen, model))
    fore, rest_fore = (points.between(elbow, wrist) for points in (seen, model))
    # In the rest pose the left forearm bends forward about -y, the right one about +y.
    axis = np.array([0.0, -1.0 if side == "left" else 1.0, 0.0])
    chest = R_world[:, JOINT_INDEX["spine3"]]
    if_straight = _between(chest @ rest_upper[0], upper) @ chest
    upper_turn, fore_turn = _hinged(upper, fore, rest_upper, rest_fore, axis, if_straight)
    _set(R_world, shoulder, upper_turn)
    _set(R_world, elbow, fore_turn)
    knuckles, thumb_side = [], []
    for points in (seen, model):
        knuckles.append(_unit(points(f"{side}_index", f"{side}_pinky") - points(wrist)))
        thumb_side.append(points.between(f"{side}_pinky", f"{side}_index"))
    hand = _turn(knuckles[0], thumb_side[0], knuckles[1], thumb_side[1])
    _set(R_world, wrist, hand)
    _set(R_world, f"{side}_hand", hand)


def _hinged(
    upper: Vectors,
    lower: Vectors,
    rest_upper: Vectors,
    rest_lower: Vectors,
    axis: Float[ndarray, "3"],
    if_straight: Turns,
) -> tuple[Turns, Turns]:
    """Turns of the two bones of a limb whose middle joint is a hinge.

    The angle between the bones gives the hinge's angle, in closed form; with it the lower bone's direction
    tells how the upper bone is twisted. As the limb gets straight that is lost, and if_straight takes over.

    Args:
        upper: Directions seen.
        lower: Directions seen.
        rest_upper: In the rest pose, one row.
        rest_lower: In the rest pose, one row; it need not be in line with the upper bone.
        axis: Of the hinge, in the rest pose; turning about it bends the limb.
        if_straight: The upper bone's turn as its neighbours would have it.
    """
    u, f = rest_upper[0], rest_lower[0]
    along = (f @ axis) * axis
    in_phase, quadrature, constant = u @ (f - along), u @ np.cross(axis, f), u @ along
    wanted = ((upper * lower).sum(-1) - constant) / np.hypot(in_phase, quadrature)
    bend = np.arctan2(quadrature, in_phase) + np.arccos(np.clip(wanted, -1, 1))
    hinge = axis_angle_to_matrix(torch.from_numpy(bend[:, None] * axis)).numpy()
    bent = hinge @ f
    sine = np.linalg.norm(np.cross(upper, lower), axis=-1, keepdims=True)
    straightness = np.clip(1 - sine / STRAIGHT, 0, 1)
    expected = np.einsum("tij,tj->ti", if_straight, bent)
    side = (1 - straightness) * _normal_to(upper, lower) + straightness * _normal_to(upper, expected)
    upper_turn = _turn(upper, side, np.broadcast_to(u, upper.shape), bent)
    lower_turn = upper_turn @ hinge
    return upper_turn, _between(lower_turn @ f, lower) @ lower_turn


def _normal_to(direction: Vectors, vectors: Vectors) -> Vectors:
    return _unit(vectors - (vectors * direction).sum(-1, keepdims=True) * direction)


def _set(R_world: Float[ndarray, "T 24 3 3"], joint: str, turn: Turns) -> None:
    R_world[:, JOINT_INDEX[joint]] = turn


def _turn(primary: Vectors, secondary: Vectors, rest_primary: Vectors, rest_secondary: Vectors) -> Turns:
    """Rotation that takes the rest directions to the seen ones, the primary exactly."""
    return _basis(primary, secondary) @ _basis(rest_primary, rest_secondary).swapaxes(-1, -2)


def _basis(primary: Vectors, secondary: Vectors) -> Turns:
    """Right-handed axes in columns: primary, the part of secondary normal to it, their cross product."""
    first = _unit(primary)
    second = _normal_to(first, secondary)
    return np.stack([first, second, np.cross(first, second)], axis=-1)


def _part_way(start: Turns, end: Turns, share: float) -> Turns:
    relative = matrix_to_axis_angle(torch.from_numpy(start.swapaxes(-1, -2) @ end))
    return start @ axis_angle_to_matrix(relative * share).numpy()


def _between(start: Vectors, end: Vectors) -> Turns:
    return rotation_between(torch.from_numpy(start), torch.from_numpy(end)).numpy()


def _unit(vectors: Vectors) -> Vectors:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
