import math

import pytest
import torch
from torch.testing import assert_close

from motionary.body.skeleton import JOINT_INDEX, MIRROR
from motionary.evaluation.physical import (
    FEET,
    MEASURES,
    ActionHabits,
    bone_length_variation,
    completeness,
    foot_skate,
    freeze,
    ground_height,
    ground_penetration,
    jitter,
    joint_limit_violations,
    measure,
    ranges,
    speeds,
)
from motionary.rotations import axis_angle_to_matrix

FPS = 20.0
FLOOR = torch.zeros(())


@pytest.fixture
def standing():
    """(9, 24, 3): a still body whose feet are on the ground and all else higher."""
    generator = torch.Generator().manual_seed(0)
    joints = torch.rand(24, 3, generator=generator) + torch.tensor([0.0, 0.5, 0.0])
    joints[list(FEET), 1] = 0.0
    return joints.expand(9, 24, 3).clone()


def moved(joints, joint, path):
    """The motion with one joint moved along a path (9, 3)."""
    joints = joints.clone()
    joints[:, joint] += path
    return joints


def along(axis, distance):
    path = torch.zeros(9, 3)
    path[:, axis] = torch.linspace(0, distance, 9)
    return path


def posed(**axis_angle):
    """(1, 24, 3, 3) rotations at rest but for the named joints."""
    pose = torch.zeros(1, 24, 3)
    for name, vector in axis_angle.items():
        pose[0, JOINT_INDEX[name]] = torch.tensor(vector)
    return axis_angle_to_matrix(pose)


def test_a_sliding_body_skates_at_its_speed(standing):
    # 0.8 m in 8 steps of 1/20 s are 200 cm/s.
    assert_close(foot_skate(standing + along(0, 0.8)[:, None], FPS, FLOOR), torch.tensor(200.0))
    assert foot_skate(standing, FPS, FLOOR) == 0


def test_only_touching_feet_skate(standing):
    slid = moved(standing, FEET[0], along(2, 0.4))
    assert_close(foot_skate(slid, FPS, FLOOR), torch.tensor(50.0))  # the mean of 100 and 0 cm/s
    lifted = moved(slid, FEET[0], torch.tensor([0.0, 0.06, 0.0]).expand(9, 3))
    assert foot_skate(lifted, FPS, FLOOR) == 0
    assert foot_skate(standing + torch.tensor([0.0, 1.0, 0.0]), FPS, FLOOR).isnan()


def test_penetration_is_the_mean_depth(standing):
    sunk = standing.clone()
    sunk[:3, :, 1] -= 0.03
    assert_close(ground_penetration(sunk, FLOOR), torch.tensor(1.0))
    assert ground_penetration(standing + torch.tensor([0.0, 0.2, 0.0]), FLOOR) == 0


def test_the_ground_is_where_the_lower_foot_usually_is(standing):
    raised = standing + torch.tensor([0.0, 0.3, 0.0])
    raised[:4, FEET[0], 1] -= 0.1
    assert_close(ground_height(raised), torch.tensor(0.3))


def test_a_cubic_path_has_constant_jerk(standing):
    t = torch.arange(9, dtype=torch.float64) / FPS
    path = torch.stack([7 * t**3, -2 * t**2, t], -1)
    shaken = standing.double() + path[:, None]
    assert_close(jitter(shaken, FPS), torch.tensor(42.0, dtype=torch.float64))  # 6 x 7 m/s^3
    assert jitter(standing + along(1, 3.0)[:, None], FPS) < 0.1
    assert jitter(standing[:3], FPS).isnan()


@pytest.mark.parametrize("side", ["left", "right"])
def test_hinges_bend_one_way(side):
    outward = 1 if side == "left" else -1
    assert joint_limit_violations(posed(**{f"{side}_knee": [1.5, 0, 0]})) == 0
    assert joint_limit_violations(posed(**{f"{side}_knee": [-0.5, 0, 0]})) > 0
    assert joint_limit_violations(posed(**{f"{side}_elbow": [0, -1.5 * outward, 0]})) == 0
    assert joint_limit_violations(posed(**{f"{side}_elbow": [0, 0.8 * outward, 0]})) > 0


def test_violations_are_counted_over_limited_joints_and_frames():
    rest, broken = posed(), posed(head=[0, math.radians(70), 0], neck=[math.radians(60), 0, 0])
    both = torch.cat([rest, broken])
    assert_close(joint_limit_violations(both), torch.tensor(1 / (2 * 21)))  # three joints are free
    free = posed(pelvis=[0, 3.0, 0], left_shoulder=[0, 0, 3.0], right_shoulder=[0, 0, 3.0])
    assert joint_limit_violations(free) == 0


def test_limits_are_the_same_on_both_sides():
    generator = torch.Generator().manual_seed(0)
    pose = torch.randn(50, 24, 3, generator=generator)
    mirrored = pose[:, list(MIRROR)] * torch.tensor([1.0, -1.0, -1.0])
    violations = joint_limit_violations(axis_angle_to_matrix(pose))
    assert 0 < violations < 1
    assert_close(joint_limit_violations(axis_angle_to_matrix(mirrored)), violations)


def test_rigid_bones_do_not_vary(standing):
    assert bone_length_variation(standing + along(0, 1.0)[:, None]) < 1e-6
    chain = torch.zeros(2, 24, 3)
    chain[:, :, 1] = torch.tensor([1.0, 1.2])[:, None] * torch.arange(24)  # every bone is 1 long, then 1.2
    assert_close(bone_length_variation(chain), torch.tensor(0.1 / 1.1))


def test_ranges_are_blind_to_travelling(standing):
    jump = standing + along(1, 0.3)[:, None] + along(0, 5.0)[:, None]
    assert_close(ranges(jump), torch.full((24,), 0.3))


@pytest.fixture
def habits(standing):
    """Action 0 raises the left hand by 0.8 m at 2 m/s; action 1 has no real performance."""
    hand = JOINT_INDEX["left_hand"]
    real = torch.stack([moved(standing, hand, along(1, distance)) for distance in (0.6, 1.0)])
    return ActionHabits.of(ranges(real), speeds(real, FPS).mean(1), torch.tensor([0, 0]), 2)


def test_habits_are_means_over_the_performances(habits):
    hand = JOINT_INDEX["left_hand"]
    assert habits.leading[0].nonzero().flatten().tolist() == [hand]
    assert_close(habits.range_m[0, hand], torch.tensor(0.8))
    assert_close(habits.speed[0, hand], torch.tensor(2.0))
    assert habits.range_m[1].isnan().all()


def test_completeness_is_the_share_of_the_usual_range(standing, habits):
    motions = [moved(standing, JOINT_INDEX["left_hand"], along(2, distance)) for distance in (0.8, 0.2, 0.0)]
    found = completeness(torch.stack(motions), torch.tensor([0, 0, 0]), habits)
    assert_close(found, torch.tensor([1.0, 0.25, 0.0]))


def test_freeze_is_the_share_of_frames_in_which_the_leading_joint_rests(standing, habits):
    hand = JOINT_INDEX["left_hand"]
    half = along(1, 1.6).clamp(max=0.8)  # moves in four of eight steps
    slow, wrong = along(1, 0.04), moved(standing, JOINT_INDEX["right_hand"], along(1, 0.8))
    motions = [moved(standing, hand, half), moved(standing, hand, slow), wrong]
    found = freeze(torch.stack(motions), torch.tensor([0, 0, 0]), FPS, habits)
    assert_close(found, torch.tensor([0.5, 1.0, 1.0]))


def test_actions_nobody_performed_have_neither(standing, habits):
    action = torch.tensor([1])
    assert freeze(standing[None], action, FPS, habits).isnan().all()
    assert completeness(standing[None], action, habits).isnan().all()


def test_all_measures_in_order(standing, habits):
    motions = torch.stack([standing, standing + along(0, 0.8)[:, None]])
    rotations = torch.eye(3).expand(2, 9, 24, 3, 3)
    found = measure(motions, rotations, torch.tensor([0, 0]), FPS, habits)
    by_name = dict(zip(MEASURES, found.T, strict=True))
    assert_close(by_name["foot_skate_cm_s"], torch.tensor([0.0, 200.0]))
    assert_close(by_name["freeze"], torch.tensor([1.0, 1.0]))
    assert by_name["bone_length_variation"].max() < 1e-6
