"""A network with a window begins as the best linear autoencoder of its data."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motionary.models.actor import Actor, ActorConfig
from motionary.models.spectrum import Components, cosines, principal_components, window_coefficients

WINDOW = 20
CONFIG = ActorConfig(2, latent_dim=16, ff_dim=32, num_layers=1, num_heads=2, dropout=0.0, window=WINDOW)


def swings(num: int, seed: int = 0) -> torch.Tensor:
    """Features that swing with any phase, at two speeds, about a pose of their own."""
    rng = np.random.default_rng(seed)
    phase = 2 * np.pi * rng.random((num, 1, 1)) + np.arange(WINDOW)[:, None] * np.array([0.3, 0.7])
    mixed = np.concatenate([np.cos(phase), np.sin(phase)], -1) @ np.random.default_rng(9).normal(
        size=(4, 150)
    )
    pose = rng.normal(size=(num, 1, 3)) @ np.random.default_rng(8).normal(size=(3, 150))
    return torch.from_numpy(0.1 * (mixed + pose)).float().unflatten(-1, (25, 6))


@pytest.fixture(scope="module")
def network() -> Actor:
    torch.manual_seed(0)
    network = Actor(CONFIG)
    network.start(swings(300), kl=1e-9)
    return network.eval()


def test_cosines_are_orthonormal_over_their_window():
    waves = cosines(WINDOW, WINDOW, torch.device("cpu"))
    assert_close(waves.T @ waves / WINDOW, torch.eye(WINDOW // 2), atol=1e-5, rtol=0)


def test_swings_of_any_phase_come_back_before_any_training(network):
    """Where ACTOR's own decoder would need to learn what phase is."""
    unseen = swings(50, seed=1)
    action = torch.arange(50) % 2
    again = network.decode(network.encode(unseen, action, None).mean, action, WINDOW)
    assert (again - unseen).square().mean() < 0.01 * (unseen - unseen.mean((0, 1))).square().mean()


def test_latents_spread_as_a_standard_normal_does(network):
    action = torch.zeros(300, dtype=torch.long)
    mean = network.encode(swings(300), action, None).mean
    told = mean.std(0) > 0.1
    assert told.sum() == 5  # the phase's sine and cosine, and three of the pose
    assert_close(mean[:, told].std(0), torch.ones(int(told.sum())), atol=0.02, rtol=0)


def test_a_shorter_motion_counts_as_one_that_stands_at_its_end():
    features = swings(3)
    mask = torch.arange(WINDOW) < 12
    held = torch.cat([features[:, :12], features[:, 11:12].expand(-1, WINDOW - 12, -1, -1)], 1)
    expected = window_coefficients(held, None, WINDOW)
    assert_close(window_coefficients(features, mask.expand(3, -1), WINDOW), expected)
    assert_close(window_coefficients(features[:, :12], None, WINDOW), expected)


def test_motions_of_other_lengths_are_decoded(network):
    z, action = torch.randn(2, 16), torch.tensor([0, 1])
    longer = network.decode(z, action, 3 * WINDOW)
    assert longer.isfinite().all()
    mask = torch.arange(WINDOW) < torch.tensor([[7], [WINDOW]])
    assert (network.decode(z, action, mask)[0, 7:] == 0).all()


def test_what_the_data_do_not_have_stays_out():
    rows = torch.randn(50, 3) @ torch.randn(3, 40)
    parts = principal_components(rows, 8)
    assert (parts.spread[:3] > 0.1).all()
    assert (parts.spread[3:] == 0).all()
    again = (rows - parts.mean) @ parts.directions @ parts.directions.T + parts.mean
    assert_close(again, rows, atol=1e-4, rtol=1e-4)


def test_posteriors_begin_as_wide_as_pays():
    spread = torch.tensor([3.0, 1.0, 0.1, 0.0])
    log_variance = Components(torch.zeros(1), torch.zeros(1, 4), spread).best_log_variance(0.5)
    variance = log_variance.double().exp().requires_grad_()
    (spread.double()[:2].square() * variance[:2] - 0.25 * variance[:2].log()).sum().backward()
    assert variance.grad is not None
    assert variance.grad[:2].abs().max() < 1e-6
    assert (log_variance[2:] == 0).all()


def test_linear_ways_stay_while_the_rest_learns(network):
    learning = {name for name, p in network.named_parameters() if p.requires_grad}
    assert not any("spectrum" in name for name in learning)
    output, posterior = network(swings(4), torch.zeros(4, dtype=torch.long), None, torch.zeros(4, 16))
    (output.sum() + posterior.divergence()).backward()
    assert network.decoder.head.weight.grad is not None
    assert network.decoder.head.weight.grad.abs().max() > 0
