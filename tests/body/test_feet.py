"""Feet that stand stay in place, and nothing else is moved."""

import pytest
import torch
from torch.testing import assert_close

from motionary.body.feet import FEET, ground_height, planting

FPS = 30.0
LEFT, RIGHT = FEET


def standing(frames: int) -> torch.Tensor:
    """Joints a metre up, both feet on the ground."""
    joints = torch.zeros(1, frames, 24, 3)
    joints[..., 1] = 1.0
    joints[:, :, FEET, 1] = 0.0
    return joints


def slid(joints: torch.Tensor, speed_m_s: float) -> torch.Tensor:
    """All joints moved along x."""
    way = torch.arange(joints.shape[1]) / FPS * speed_m_s
    joints = joints.clone()
    joints[..., 0] += way[None, :, None]
    return joints


def everywhere(joints: torch.Tensor) -> torch.Tensor:
    return torch.ones(joints.shape[:2], dtype=torch.bool)


def plant(joints: torch.Tensor) -> torch.Tensor:
    return joints + planting(joints, FPS, everywhere(joints))[:, :, None]


def test_a_body_that_slides_as_a_whole_nearly_stays():
    joints = slid(standing(40), 0.2)
    before, after = (moved[0, -1, LEFT, 0] - moved[0, 0, LEFT, 0] for moved in (joints, plant(joints)))
    assert abs(after) < 0.1 * before


def test_a_body_that_stands_stays_to_the_last_bit():
    assert planting(standing(20), FPS, everywhere(standing(20))).abs().max() == 0


def test_raised_feet_hold_nothing():
    joints = slid(standing(40), 0.2)
    joints[:, ::2, FEET, 1] = 0.3  # every step has an end in the air; the ground is where the others are
    assert planting(joints, FPS, everywhere(joints)).abs().max() < 1e-6


def test_a_step_goes_on_over_the_foot_that_stands():
    joints = slid(standing(40), 1.0)  # both feet go along ...
    joints[:, :, LEFT, 0] = 0.1 * torch.arange(40) / FPS  # ... but the left one hardly
    joints[:, :, RIGHT, 1] = 0.2
    planted = plant(joints)
    assert planted[0, :, LEFT, 0].diff().abs().max() < 0.1 / FPS
    assert (planted[0, -1, 0, 0] - planted[0, 0, 0, 0]) > 0.85 * (joints[0, -1, 0, 0] - joints[0, 0, 0, 0])


def test_fast_feet_on_the_ground_are_let_slide():
    joints = slid(standing(40), 3.0)
    assert planting(joints, FPS, everywhere(joints)).abs().max() < 1e-3


def test_heights_and_the_first_frame_stay():
    joints = slid(standing(30), 0.3) + 0.01 * torch.randn(1, 30, 24, 3)
    moved = planting(joints, FPS, everywhere(joints))
    assert moved[..., 1].abs().max() == 0
    assert moved[:, 0].abs().max() == 0


def test_frames_that_mean_nothing_change_nothing():
    joints = slid(standing(30), 0.3)
    padded = torch.cat([joints, torch.full((1, 10, 24, 3), torch.nan)], dim=1)
    real = torch.arange(40)[None] < 30
    moved = planting(padded, FPS, real)
    assert_close(moved[:, :30], planting(joints, FPS, everywhere(joints)))
    assert moved[:, 30:].abs().max() == 0


@pytest.mark.parametrize("frames", [1, 2])
def test_short_motions_are_planted_too(frames):
    assert planting(standing(frames), FPS, everywhere(standing(frames))).shape == (1, frames, 3)


def test_the_ground_is_where_the_lower_foot_mostly_is():
    joints = standing(9)
    joints[..., 1] += 0.3
    joints[0, 0, FEET, 1] = -5.0
    assert_close(ground_height(joints), torch.tensor([0.3]))
