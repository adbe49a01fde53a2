"""What a recogniser should not mind keeps the motion a motion."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from motionary.body.skeleton import mirror_pose
from motionary.recognition import RecogniserTrainConfig
from motionary.recognition.variation import at_tempo, vary_joints, vary_rotations
from motionary.rotations import axis_angle_to_rotation_6d, rotation_6d_to_matrix

STILL = RecogniserTrainConfig(noise_m=0.0, noise_rotation=0.0, turn_rad=0.0, scale=0.0, tempo=0.0)


def test_a_tempo_stretches_time_and_holds_the_last_real_frame():
    mask = torch.arange(8) < torch.tensor([[8], [8], [4]])
    clock = torch.arange(8.0)[None, :, None, None].expand(3, 8, 1, 3)
    played = at_tempo(clock, mask, torch.tensor([0.5, 2.0, 2.0]))[..., 0, 0]
    torch.testing.assert_close(played[0], torch.arange(8.0) / 2)
    torch.testing.assert_close(played[1], torch.tensor([0.0, 2, 4, 6, 7, 7, 7, 7]))
    torch.testing.assert_close(played[2, :4], torch.tensor([0.0, 2, 3, 3]))


@pytest.mark.parametrize(("vary", "size"), [(vary_joints, 3), (vary_rotations, 6)])
def test_motions_are_not_varied_when_nothing_may_vary(vary, size):
    motions, mask = torch.randn(2, 5, 24, size), torch.ones(2, 5, dtype=torch.bool)
    if size == 6:
        motions = axis_angle_to_rotation_6d(motions[..., :3])
    torch.testing.assert_close(vary(motions, mask, STILL, np.random.default_rng(0)), motions)


def test_mirrored_rotations_are_those_of_the_mirrored_motion():
    pose = np.random.default_rng(0).normal(0, 1, (5, 24, 3)).astype(np.float32)
    plain, mirrored = (
        axis_angle_to_rotation_6d(torch.from_numpy(each))[None] for each in (pose, mirror_pose(pose))
    )
    mask = torch.ones(1, 5, dtype=torch.bool)
    config = replace(STILL, mirror=True)
    seen = [vary_rotations(plain, mask, config, np.random.default_rng(seed)) for seed in range(8)]
    matches = [[torch.allclose(each, other, atol=1e-5) for other in (plain, mirrored)] for each in seen]
    assert all(sum(match) == 1 for match in matches)
    assert {match[1] for match in matches} == {True, False}


def test_turned_rotations_stay_rotations():
    rotations = axis_angle_to_rotation_6d(torch.randn(3, 4, 24, 3))
    mask = torch.ones(3, 4, dtype=torch.bool)
    seen = vary_rotations(rotations, mask, replace(STILL, turn_rad=1.0), np.random.default_rng(0))
    rows = seen.unflatten(-1, (2, 3))
    torch.testing.assert_close(rows @ rows.mT, torch.eye(2).expand(3, 4, 24, 2, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen[:, :, 1:], rotations[:, :, 1:])
    up = rotation_6d_to_matrix(seen)[:, :, 0, 1]
    torch.testing.assert_close(up, rotation_6d_to_matrix(rotations)[:, :, 0, 1], atol=1e-5, rtol=0)


def test_joints_that_rest_otherwise_turn_as_far_as_before():
    """Between frames; and no joint is where it was."""
    rotations = axis_angle_to_rotation_6d(torch.randn(3, 4, 24, 3))
    mask = torch.ones(3, 4, dtype=torch.bool)
    seen = vary_rotations(rotations, mask, replace(STILL, rest_rad=0.2), np.random.default_rng(0))
    before, after = rotation_6d_to_matrix(rotations), rotation_6d_to_matrix(seen)
    angles = [angle_between(R[:, 1:], R[:, :-1]) for R in (before, after)]
    torch.testing.assert_close(*angles, atol=1e-4, rtol=0)
    moved = angle_between(before, after)
    assert moved.min() > 0
    torch.testing.assert_close(moved.square().mean().sqrt(), torch.tensor(0.2 * 3**0.5), atol=0.05, rtol=0)


def angle_between(R_a: torch.Tensor, R_b: torch.Tensor) -> torch.Tensor:
    trace = (R_a.mT @ R_b).diagonal(dim1=-2, dim2=-1).sum(-1)
    return ((trace - 1) / 2).clamp(-1, 1).acos()
