"""A recording of any known skeleton -> SMPL Motion: bones point and twist as the source's do."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from motionary.body.skeleton import JOINT_INDEX, JOINT_NAMES, NUM_JOINTS, PARENTS
from motionary.body.smpl import BodyModel
from motionary.mocap.calibration import LIMB_BONES, calibrate
from motionary.mocap.joint_names import SIDES, JointMap, match_joints
from motionary.mocap.recording import Recording
from motionary.motion import Motion
from motionary.rotations import (
    matrix_to_axis_angle,
    matrix_to_quaternion,
    quaternion_to_matrix,
    rotation_between,
    slerp,
)


@dataclass(frozen=True)
class Source:
    """What the solver sees of a recording, in metres, y up."""

    joints: JointMap
    R_world_smpl: dict[int, Float[Tensor, "T 3 3"]]
    """Per source joint: its world rotation, calibrated to SMPL's rest frame."""
    points: Float[Tensor, "T J 3"]
    trunk_places: Float[Tensor, "K"]
    """Where the trunk's joints lie on the way from pelvis (0) to chest (1)."""

    def step(self, start: int, end: int) -> Float[Tensor, "T 3"]:
        """From one joint to another."""
        return self.points[:, end] - self.points[:, start]


@dataclass(frozen=True)
class Retargeted:
    """A motion on the target body, at the source's frame rate, not yet on the ground."""

    motion: Motion
    scale: float
    """Target leg length over source leg length; the root's path was multiplied by it."""


def retarget(recording: Recording, body: BodyModel) -> Retargeted:
    """Solve the pose and the root's path of a body in its mean shape.

    Args:
        recording: Metres, y up.
        body: Whose rest joints the motion is for.

    Raises:
        ValueError: If the skeleton is not understood, or its legs or spine have no length.
    """
    rest_joints = body.shape().joints.double()
    source = _source(recording, rest_joints)
    R_world = _solve(source, rest_joints)
    scale = _leg_length(rest_joints) / _source_leg_length(recording, source.joints)
    hips = (source.joints.limbs["left_hip"], source.joints.limbs["right_hip"])
    middle = source.points[:, hips].mean(1) * scale
    pelvis = rest_joints[0]
    to_hips = rest_joints[[JOINT_INDEX["left_hip"], JOINT_INDEX["right_hip"]]].mean(0) - pelvis
    translation = middle - R_world[:, 0] @ to_hips - pelvis
    motion = Motion(_local_pose(R_world).numpy(), translation.numpy(), recording.fps)
    return Retargeted(motion, scale)


def _source(recording: Recording, rest_joints: Float[Tensor, "24 3"]) -> Source:
    joints = match_joints(recording)
    R_world, points = (torch.from_numpy(array).double() for array in recording.world())
    turns = calibrate(recording, joints, R_world, points, rest_joints)
    bones = np.linalg.norm(recording.offsets[list(joints.trunk[1:])], axis=-1)
    if not bones.sum() > 0:
        raise ValueError("its spine has no length")
    places = torch.from_numpy(np.concatenate([[0], np.cumsum(bones)]) / bones.sum())
    return Source(joints, {joint: R_world[:, joint] @ turn for joint, turn in turns.items()}, points, places)


def _solve(source: Source, rest_joints: Float[Tensor, "24 3"]) -> Float[Tensor, "T 24 3 3"]:
    """World rotation of every SMPL joint."""
    bones = {name: rest_joints[index] - rest_joints[PARENTS[index]] for name, index in JOINT_INDEX.items()}
    solved = _solve_trunk(source, bones)
    for side in SIDES:
        solved |= _solve_limbs(source, side, bones, solved)
    return torch.stack([solved[name] for name in JOINT_NAMES], dim=1)


def _solve_trunk(source: Source, bones: dict[str, Tensor]) -> dict[str, Tensor]:
    """Pelvis, spine, neck and head.

    The joints of the spine turn as the source's do at the same place on the way up; then the chest is
    brought into the direction in which the source's chest lies from its pelvis, the neck and head likewise
    from there.
    """
    joints, R = source.joints, source.R_world_smpl
    pelvis, chest = joints.trunk[0], joints.trunk[-1]
    places = torch.stack([bones[name].norm() for name in ("spine1", "spine2", "spine3")]).cumsum(0)
    spine1, spine2 = (_on_the_way(source, float(place / places[-1])) for place in places[:2])
    start = R[pelvis] @ bones["spine1"]
    rest = spine1 @ bones["spine2"] + spine2 @ bones["spine3"]
    swing = rotation_between(rest, _reach(source.step(pelvis, chest), start, rest.norm(dim=-1, keepdim=True)))
    base = joints.neck[0] if joints.neck else joints.head
    neck = R[joints.neck[-1]] if joints.neck else R[chest]
    upper = source.step(base, joints.head) if joints.neck else source.step(chest, joints.head)
    return {
        "pelvis": R[pelvis],
        "spine1": swing @ spine1,
        "spine2": swing @ spine2,
        "spine3": _aimed(R[chest], bones["neck"], source.step(chest, base)),
        "neck": _aimed(neck, bones["head"], upper),
        "head": R[joints.head],
    }


def _solve_limbs(
    source: Source, side: str, bones: dict[str, Tensor], trunk: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Collar, arm and leg of one side; the foot's and collar's turns fall back on the joint before."""
    limbs, R = source.joints.limbs, source.R_world_smpl
    turned = {
        role: R[limbs[f"{side}_{role}"]]
        for role in ("collar", "hip", "knee", "ankle", "foot", "shoulder", "elbow", "wrist")
        if f"{side}_{role}" in limbs
    }
    turned.setdefault("collar", trunk["spine3"])
    for start, end in LIMB_BONES:
        if f"{side}_{end}" in limbs:
            step = source.step(limbs[f"{side}_{start}"], limbs[f"{side}_{end}"])
            turned[start] = _aimed(turned[start], bones[f"{side}_{end}"], step)
    turned.setdefault("foot", turned["ankle"])
    turned["hand"] = turned["wrist"]
    return {f"{side}_{role}": rotation for role, rotation in turned.items()}


def _on_the_way(source: Source, place: float) -> Float[Tensor, "T 3 3"]:
    """The source's calibrated turn at a place between pelvis (0) and chest (1)."""
    above = int((source.trunk_places <= place).sum().clamp(1, len(source.trunk_places) - 1))
    low, high = source.trunk_places[above - 1], source.trunk_places[above]
    ends = [
        matrix_to_quaternion(source.R_world_smpl[source.joints.trunk[index]]) for index in (above - 1, above)
    ]
    return quaternion_to_matrix(slerp(ends[0], ends[1], float((place - low) / (high - low))))


def _reach(
    direction: Float[Tensor, "T 3"], start: Float[Tensor, "T 3"], length: Float[Tensor, "T 1"]
) -> Tensor:
    """The step of given length that leads from start to the line through the origin in a direction."""
    direction = normalize(direction, dim=-1)
    along = (direction * start).sum(-1, keepdim=True)
    distance = along + (length**2 - (start**2).sum(-1, keepdim=True) + along**2).clamp(min=0).sqrt()
    return distance * direction - start


def _aimed(R_world: Float[Tensor, "T 3 3"], bone: Float[Tensor, "3"], step: Float[Tensor, "T 3"]) -> Tensor:
    """The rotation with the least swing added that makes a bone point along step."""
    return rotation_between(R_world @ bone, step) @ R_world


def _local_pose(R_world: Float[Tensor, "T 24 3 3"]) -> Float[Tensor, "T 24 3"]:
    local = [R_world[:, 0]]
    local += [R_world[:, PARENTS[joint]].mT @ R_world[:, joint] for joint in range(1, NUM_JOINTS)]
    return matrix_to_axis_angle(torch.stack(local, dim=1)).float()


def _leg_length(rest_joints: Float[Tensor, "24 3"]) -> float:
    """Mean of both sides, hip to ankle."""
    pairs = [
        (f"{side}_{a}", f"{side}_{b}") for side in SIDES for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    steps = [rest_joints[JOINT_INDEX[end]] - rest_joints[JOINT_INDEX[start]] for start, end in pairs]
    return float(torch.stack(steps).norm(dim=-1).sum() / len(SIDES))


def _source_leg_length(recording: Recording, joints: JointMap) -> float:
    legs = [(joints.limbs[f"{side}_hip"], joints.limbs[f"{side}_ankle"]) for side in SIDES]
    length = sum(recording.path_length(hip, ankle) for hip, ankle in legs) / len(SIDES)
    if not length > 0:
        raise ValueError("its legs have no length")
    return length
