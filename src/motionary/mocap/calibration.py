"""How SMPL's joints sit in a foreign skeleton's: one constant turn per joint.

R_world_smpl(t) = R_world_source(t) @ C with C the turn from SMPL's rest frame into the source joint's own
frame. It keeps the source's own twist and never flips. Two kinds of skeleton are told apart: those whose
zero pose is a person standing with the arms somewhere between T and hanging, and those whose zero pose is
no posture because every bone lies along the same local axis; for these the axes are found from the motion.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from motionary.body.skeleton import JOINT_INDEX
from motionary.mocap.joint_names import SIDES, JointMap
from motionary.mocap.recording import Recording
from motionary.rotations import (
    geodesic_distance,
    matrix_to_quaternion,
    quaternion_to_matrix,
    rotation_between,
    slerp,
)

LEFT, UP, FORWARD = torch.eye(3, dtype=torch.float64)
"""SMPL's axes."""

LIMB_BONES = (
    ("hip", "knee"),
    ("knee", "ankle"),
    ("ankle", "foot"),
    ("shoulder", "elbow"),
    ("elbow", "wrist"),
)
"""Bones whose direction the result takes over from the source."""

PRIOR_WEIGHT = 0.5
"""Mean sine of a bend at which a knee's or elbow's hinge counts as much as what the joint before suggests."""

MOST_WRIST_BEND_RAD = 1.2
"""Mean turn of a hand or foot towards the bone before, up to which it is taken for posture."""

NEAR_AXIS = 0.94
"""Cosine (20 degrees) within which a direction is taken to be meant along an axis."""

Vectors = Float[Tensor, "T 3"]
Turn = Float[Tensor, "3 3"]


def calibrate(
    recording: Recording,
    joints: JointMap,
    R_world: Float[Tensor, "T J 3 3"],
    points: Float[Tensor, "T J 3"],
    rest_joints: Float[Tensor, "24 3"],
) -> dict[int, Turn]:
    """Source joint -> the turn from the frame of the SMPL joint that it drives into its own.

    Args:
        recording: The source, y up.
        joints: Its joints' meaning.
        R_world: Its world rotations.
        points: Its world positions.
        rest_joints: SMPL's joints at rest, metres.
    """
    axes = rest_axes(recording, joints)
    if axes is not None:
        return _from_rest_pose(recording, joints, axes, rest_joints)
    return _FromMotion(joints, R_world, points, rest_joints).solve()


def rest_axes(recording: Recording, joints: JointMap) -> Turn | None:
    """Turn from SMPL's axes to those of the file's zero pose; None where that pose is no standing person."""
    at = torch.from_numpy(recording.rest_points()).double()
    limb = {name: at[joint] for name, joint in joints.limbs.items()}
    up = normalize(at[joints.trunk[-1]] - at[joints.trunk[0]], dim=0)
    left = limb["left_hip"] - limb["right_hip"] + limb["left_shoulder"] - limb["right_shoulder"]
    if not (up.norm() > 0 and left.norm() > 0 and abs(normalize(left, dim=0) @ up) < 0.3):
        return None
    axes = snapped(_frame(up, left) @ _frame(UP, LEFT).T)
    for side, sign in (("left", 1), ("right", -1)):
        thigh = _direction(limb[f"{side}_hip"], limb[f"{side}_knee"])
        shin = _direction(limb[f"{side}_knee"], limb[f"{side}_ankle"])
        upper = _direction(limb[f"{side}_shoulder"], limb[f"{side}_elbow"])
        lower = _direction(limb[f"{side}_elbow"], limb[f"{side}_wrist"])
        stands = thigh @ axes @ UP < -0.6 and shin @ axes @ UP < -0.6
        if not (stands and sign * (upper @ axes @ LEFT) > -0.2 and upper @ lower > 0.5):
            return None
        if f"{side}_foot" in limb:
            foot = _direction(limb[f"{side}_ankle"], limb[f"{side}_foot"])
            if foot @ axes @ FORWARD < 0.2:
                return None
    return axes


def _from_rest_pose(
    recording: Recording, joints: JointMap, axes: Turn, rest_joints: Tensor
) -> dict[int, Turn]:
    """Trunk, head, collars and toes keep SMPL's rest turn; limb bones swing to the file's rest directions."""
    at = torch.from_numpy(recording.rest_points()).double()
    turns = dict.fromkeys((*joints.trunk, *joints.neck, joints.head, *joints.limbs.values()), axes)
    for side in SIDES:
        for start, end in LIMB_BONES:
            if f"{side}_{end}" not in joints.limbs:
                continue
            start_joint, end_joint = joints.limbs[f"{side}_{start}"], joints.limbs[f"{side}_{end}"]
            bone = _bone(rest_joints, f"{side}_{start}", f"{side}_{end}")
            turns[start_joint] = rotation_between(axes @ bone, at[end_joint] - at[start_joint]) @ axes
        turns[joints.limbs[f"{side}_wrist"]] = turns[joints.limbs[f"{side}_elbow"]]
    return turns


@dataclass(frozen=True)
class _Bone:
    joint: int
    """Of the source, where the bone starts."""
    rest: Float[Tensor, "3"]
    """On SMPL's body at rest."""
    local: Float[Tensor, "3"]
    """Unit direction in the source joint's own frame."""


class _FromMotion:
    """Calibration of a skeleton whose zero pose says nothing, from where its joints go.

    Pelvis and chest by the joints around them, thighs and upper arms by the hinge of knee and elbow, the
    rest by lying like the joint before, on average or in the zero pose; all on whole axes where bones lie
    on axes.
    """

    def __init__(self, joints: JointMap, R_world: Tensor, points: Tensor, rest_joints: Tensor) -> None:
        self.joints, self.R_world, self.points, self.rest_joints = joints, R_world, points, rest_joints
        self.turns: dict[int, Turn] = {}
        self.bones: dict[int, Tensor] = {}
        """Of the limbs' joints: direction of the bone that starts there, in the joint's own frame."""
        long_bones = [
            self._limb_joint(side, *ends).local for side in SIDES for ends in LIMB_BONES[:2] + LIMB_BONES[3:]
        ]
        self.on_axes = bool((torch.stack(long_bones).abs().amax(-1) > NEAR_AXIS).all())

    def solve(self) -> dict[int, Turn]:
        self._trunk()
        chest, pelvis = self.joints.trunk[-1], self.joints.trunk[0]
        before = chest
        for joint in (*self.joints.neck, self.joints.head):
            self._neutral(joint, self._solved(before))
            before = joint
        for side in SIDES:
            self._arm(side, chest)
            self._leg(side, pelvis)
        return self.turns

    def _trunk(self) -> None:
        limbs, trunk = self.joints.limbs, self.joints.trunk
        hips = self._local(trunk[0], limbs["right_hip"], limbs["left_hip"])
        self.turns[trunk[0]] = snapped(
            _frame(self._local(trunk[0], trunk[0], trunk[1]), hips) @ _frame(UP, LEFT).T
        )
        top = (*self.joints.neck, self.joints.head)[0]
        ends = [limbs.get(f"{side}_collar", limbs[f"{side}_shoulder"]) for side in ("right", "left")]
        across = self._local(trunk[-1], ends[0], ends[1])
        self.turns[trunk[-1]] = snapped(
            _frame(self._local(trunk[-1], trunk[-1], top), across) @ _frame(UP, LEFT).T
        )
        low, high = (matrix_to_quaternion(self._solved(joint)) for joint in (trunk[0], trunk[-1]))
        for place, joint in enumerate(trunk[1:-1], 1):
            self._neutral(joint, quaternion_to_matrix(slerp(low, high, place / (len(trunk) - 1))))

    def _arm(self, side: str, chest: int) -> None:
        carrier = self.joints.limbs.get(f"{side}_collar", chest)
        if carrier != chest:
            self._neutral(carrier, self._solved(chest))
            self.bones[carrier] = self._local(carrier, carrier, self.joints.limbs[f"{side}_shoulder"])
        # A bent elbow takes the forearm forward: the hinge points down on the left side, up on the right.
        shoulder = self._limb_joint(side, "shoulder", "elbow")
        hinge = self._hinge(side, "shoulder", "elbow", "wrist") * (-1 if side == "left" else 1)
        self._set(shoulder, UP, hinge + self._prior(shoulder, UP, carrier))
        elbow = self._limb_joint(side, "elbow", "wrist")
        self._set(elbow, UP, self._prior(elbow, UP, shoulder.joint))
        self._like_before(self.joints.limbs[f"{side}_wrist"], elbow.joint)

    def _leg(self, side: str, pelvis: int) -> None:
        hip, knee = self._limb_joint(side, "hip", "knee"), self._limb_joint(side, "knee", "ankle")
        hinge = self._hinge(side, "hip", "knee", "ankle")
        self._set(hip, LEFT, hinge + self._prior(hip, LEFT, pelvis))
        self._set(knee, LEFT, self._prior(knee, LEFT, hip.joint))
        if f"{side}_foot" not in self.joints.limbs:
            self._like_before(self.joints.limbs[f"{side}_ankle"], knee.joint)
            return
        ankle = self._limb_joint(side, "ankle", "foot")
        self._set(ankle, LEFT, self._prior(ankle, LEFT, knee.joint))
        foot = self.joints.limbs[f"{side}_foot"]
        self.turns[foot] = mean_rotation(self.R_world[:, foot].mT @ self._solved(ankle.joint))

    def _limb_joint(self, side: str, start: str, end: str) -> _Bone:
        joint, end_joint = self.joints.limbs[f"{side}_{start}"], self.joints.limbs[f"{side}_{end}"]
        rest = _bone(self.rest_joints, f"{side}_{start}", f"{side}_{end}")
        return _Bone(joint, rest, self._local(joint, joint, end_joint))

    def _hinge(self, side: str, start: str, middle: str, end: str) -> Tensor:
        """Mean axis of a limb's bend in its first joint's own frame; its length is the sine of the bend."""
        joint, knee, tip = (self.joints.limbs[f"{side}_{name}"] for name in (start, middle, end))
        upper = normalize(self.points[:, knee] - self.points[:, joint], dim=-1)
        lower = normalize(self.points[:, tip] - self.points[:, knee], dim=-1)
        return (self.R_world[:, joint].mT @ torch.linalg.cross(upper, lower)[..., None]).mean(0)[:, 0]

    def _prior(self, bone: _Bone, axis: Tensor, before: int) -> Tensor:
        """Where an axis of SMPL's should lie in a joint's own frame, as long as the evidence counts.

        Where the joint's bone prolongs the one before in the zero pose, that pose is a straight limb: it
        has no twist. Elsewhere the limb has none on average.
        """
        straight = self.turns[before] @ axis
        inherits = before in self.bones and _nearest_axis(self.bones[before]) @ bone.local > NEAR_AXIS
        mean = (self.R_world[:, bone.joint].mT @ self._solved(before) @ axis).mean(0)
        return PRIOR_WEIGHT * normalize(straight if inherits else mean, dim=0)

    def _set(self, bone: _Bone, axis: Tensor, local_axis: Tensor) -> None:
        """Turn a bone onto its direction at rest and one of SMPL's axes onto one across it."""
        if self.on_axes and bone.local.abs().max() > NEAR_AXIS:
            across = local_axis.clone()
            across[bone.local.abs().argmax()] = 0
            local_axis = _nearest_axis(across)
        self.bones[bone.joint] = bone.local
        self.turns[bone.joint] = _frame(bone.local, local_axis) @ _frame(bone.rest, axis).T

    def _neutral(self, joint: int, target: Tensor) -> None:
        """The turn that makes a joint agree with another rotation on average, to the nearest whole axes."""
        self.turns[joint] = self._snapped(mean_rotation(self.R_world[:, joint].mT @ target))

    def _like_before(self, joint: int, before: int) -> None:
        """The turn of the joint before, unless the two never lie alike."""
        mean = mean_rotation(self.R_world[:, joint].mT @ self._solved(before))
        alike = geodesic_distance(mean, self.turns[before]) < MOST_WRIST_BEND_RAD
        self.turns[joint] = self.turns[before] if self.on_axes and alike else self._snapped(mean)

    def _snapped(self, turn: Turn) -> Turn:
        """The nearest whole axes within 40 degrees, where the skeleton lies on axes; else the turn itself."""
        return snapped(turn, least_cosine=0.77) if self.on_axes else turn

    def _solved(self, joint: int) -> Tensor:
        return self.R_world[:, joint] @ self.turns[joint]

    def _local(self, joint: int, start: int, end: int) -> Tensor:
        """Mean direction from start to end in a joint's own frame."""
        step = normalize(self.points[:, end] - self.points[:, start], dim=-1)
        return normalize((self.R_world[:, joint].mT @ step[..., None]).mean(0)[:, 0], dim=0)


def snapped(turn: Turn, least_cosine: float = NEAR_AXIS) -> Turn:
    """The turn between whole axes nearest to this one, where every axis is within the cosine of its own."""
    axes = torch.stack([_nearest_axis(column) for column in turn.T], dim=1)
    near = (axes * turn).sum(0).min() > least_cosine and torch.linalg.det(axes) > 0.5
    return axes if near else turn


def mean_rotation(rotations: Float[Tensor, "T 3 3"]) -> Turn:
    """Rotation nearest to the mean matrix (chordal mean, Hartley et al. 2013)."""
    mean = rotations.mean(0)
    if not mean.isfinite().all():
        raise ValueError("its proportions are beyond those of any body")
    u, _, vh = torch.linalg.svd(mean)
    return u @ torch.diag(torch.tensor([1.0, 1.0, float(torch.linalg.det(u @ vh))], dtype=u.dtype)) @ vh


def _frame(first: Tensor, second: Tensor) -> Turn:
    """Right-handed axes as columns: along first, along second across it, and their normal."""
    first = normalize(first, dim=0)
    second = normalize(second - (second @ first) * first, dim=0)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=1)


def _nearest_axis(vector: Tensor) -> Tensor:
    axis = torch.zeros_like(vector)
    largest = vector.abs().argmax()
    axis[largest] = torch.sign(vector[largest])
    return axis


def _direction(start: Tensor, end: Tensor) -> Tensor:
    return normalize(end - start, dim=0)


def _bone(rest_joints: Tensor, start: str, end: str) -> Tensor:
    return rest_joints[JOINT_INDEX[end]] - rest_joints[JOINT_INDEX[start]]
