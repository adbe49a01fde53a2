import pytest
import torch

from motionary.body.limits import LARGEST_ANGLE_DEG, LIMITED, beyond_limits
from motionary.body.skeleton import JOINT_INDEX, JOINT_NAMES
from motionary.rotations import axis_angle_to_matrix


def turned(joint, degrees, axis=(0.0, 1.0, 0.0)):
    pose = torch.zeros(24, 3)
    pose[JOINT_INDEX[joint]] = torch.tensor(axis) * torch.tensor(degrees).deg2rad()
    return beyond_limits(axis_angle_to_matrix(pose))


@pytest.mark.parametrize("joint", ["head", "left_ankle", "right_hip", "spine2"])
def test_a_joint_is_beyond_its_limit_just_above_it(joint):
    limit = LARGEST_ANGLE_DEG[joint.rpartition("_")[2]]
    assert not turned(joint, limit - 1).any()
    assert turned(joint, limit + 1).nonzero().flatten().tolist() == [JOINT_INDEX[joint]]


@pytest.mark.parametrize("joint", ["pelvis", "left_shoulder"])
def test_free_joints_have_no_limit(joint):
    assert not turned(joint, 179.9).any()
    assert JOINT_INDEX[joint] not in LIMITED


def test_all_joints_but_the_free_ones_are_limited():
    free = {JOINT_NAMES[joint] for joint in range(24)} - {JOINT_NAMES[joint] for joint in LIMITED}
    assert free == {"pelvis", "left_shoulder", "right_shoulder"}
