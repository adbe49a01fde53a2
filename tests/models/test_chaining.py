"""Longer motions than a network knows go on where the last window ended."""

from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from motionary.body.assets import default_body
from motionary.features import moving_joints
from motionary.models.actor import Actor, ActorConfig
from motionary.models.chaining import SHARED, chain
from motionary.models.checkpoint import Model
from motionary.rotations import axis_angle_to_matrix, matrix_to_rotation_6d

FRAMES = 24


def walk_of_arms(frames: int) -> torch.Tensor:
    """A figure that waves, turns and glides along a bend, its feet at one height."""
    time = torch.arange(frames) / 30
    pose = torch.zeros(frames, 24, 3)
    pose[:, 0, 1] = 0.5 * time
    pose[:, 16, 2] = (5 * time).sin()
    features = torch.zeros(frames, 25, 6)
    features[:, :24] = matrix_to_rotation_6d(axis_angle_to_matrix(pose))
    features[:, 24, 0], features[:, 24, 2] = time, time.square()
    return features


def elsewhere(features: torch.Tensor, yaw_rad: float) -> torch.Tensor:
    """The same motion performed in another direction, begun at the origin."""
    R_turn = axis_angle_to_matrix(torch.tensor([0.0, yaw_rad, 0.0]))
    turned = features.clone()
    turned[:, 0] = matrix_to_rotation_6d(R_turn @ _matrix(features[:, 0]))
    path = (features[:, 24, :3] - features[0, 24, :3]) @ R_turn.mT
    turned[:, 24, :3] = path
    return turned


def _matrix(rotation_6d: torch.Tensor) -> torch.Tensor:
    rows = rotation_6d.unflatten(-1, (2, 3))
    return torch.cat([rows, torch.linalg.cross(rows[:, :1], rows[:, 1:])], dim=1)


@pytest.fixture
def rest_joints() -> torch.Tensor:
    return default_body().joints_template


def test_the_performance_that_fits_is_found_and_joined_without_a_seam(rest_joints):
    shared = FRAMES // SHARED
    motion = walk_of_arms(2 * FRAMES - shared)
    fitting = elsewhere(motion[-FRAMES:], 2.0)
    torch.manual_seed(0)
    others = [
        elsewhere(fitting.flip(0), 1.0),
        elsewhere(walk_of_arms(FRAMES) + 0.3 * torch.randn(25, 6), 0.3),
    ]
    whole = chain(
        motion[:FRAMES], len(motion), lambda _: torch.stack([others[0], fitting, others[1]]), rest_joints
    )
    assert_close(whole[:, :24], motion[:, :24], atol=1e-5, rtol=0)
    assert_close(*(moving_joints(each[None], rest_joints) for each in (whole, motion)), atol=1e-5, rtol=0)


@pytest.fixture
def model() -> Model:
    torch.manual_seed(0)
    network = Actor(ActorConfig(2, latent_dim=16, ff_dim=16, num_layers=1, num_heads=2, window=FRAMES)).eval()
    network.start(walk_of_arms(FRAMES)[None] + 0.1 * torch.randn(40, FRAMES, 25, 6), kl=1e-6)
    return Model(network, ("run", "walk"), 30.0, FRAMES, "forward", {}, "CC0", feet="planted")


@torch.no_grad()
def test_a_long_motion_begins_as_a_shorter_one_and_never_runs_back(model):
    z, label = torch.randn(2, 16), torch.tensor([0, 1])
    long, longer = (model.perform(z, label, frames) for frames in (2 * FRAMES, 3 * FRAMES))
    assert_close(longer[:, : FRAMES + 9, :24], long[:, : FRAMES + 9, :24])
    assert_close(long[:, : FRAMES - FRAMES // SHARED, :24], model.perform(z, label, FRAMES)[:, :20, :24])
    assert not torch.allclose(long[:, FRAMES:, :24], long[:, :FRAMES, :24].flip(1), atol=0.05)


@torch.no_grad()
def test_what_comes_after_depends_on_the_latent_alone(model):
    z, label = torch.randn(3, 16), torch.tensor([0, 1, 1])
    together = model.perform(z, label, 60)
    for row in range(3):
        assert_close(model.perform(z[row : row + 1], label[row : row + 1], 60)[0], together[row])


@torch.no_grad()
def test_frames_that_are_not_wanted_stay_zero(model):
    z, label = torch.randn(2, 16), torch.tensor([0, 1])
    mask = torch.arange(50) < torch.tensor([[50], [30]])
    features = replace(model, feet="as_decoded").perform(z, label, mask)
    assert features.shape == (2, 50, 25, 6)
    assert (features[1, 30:] == 0).all()
    assert (features[0, 30:].abs().sum((1, 2)) > 0).all()
