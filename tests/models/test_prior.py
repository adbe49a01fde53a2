"""Latents are drawn from where the latents of each action's motions lie."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from motionary.models.actor import Posterior
from motionary.models.prior import LatentPrior, PosteriorPrior, fit_prior, prior_of_tensors


def posterior(num: int, width: int = 3) -> Posterior:
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn(num, width, generator=generator) @ torch.tensor([[2.0, 1, 0], [0, 0.5, 0], [0, 1, 1]])
    return Posterior(mean, torch.randn(num, width, generator=generator))


def test_it_has_the_moments_of_draws_from_the_posteriors():
    found = posterior(40)
    prior = LatentPrior.fit(found, torch.zeros(40, dtype=torch.long), 1)
    draws = torch.cat([found.sample(torch.randn(40, 3)) for _ in range(5000)])
    assert_close(prior.mean[0], found.mean.mean(0))
    assert_close((prior.factor @ prior.factor.mT)[0], draws.T.cov(), atol=0.05, rtol=0.02)


def test_actions_have_priors_of_their_own():
    found, action = posterior(40), torch.arange(40) % 2
    prior = LatentPrior.fit(found, action, 2)
    for label in range(2):
        own = Posterior(found.mean[action == label], found.log_variance[action == label])
        alone = LatentPrior.fit(own, torch.zeros(20, dtype=torch.long), 1)
        assert_close((prior.mean[label], prior.factor[label]), (alone.mean[0], alone.factor[0]))


def test_draws_follow_it():
    prior = LatentPrior(torch.tensor([[1.0, 2.0]]), torch.tensor([[[1.0, 0.0], [0.5, 2.0]]]))
    draws = prior.place(torch.randn(100_000, 2), torch.zeros(100_000, dtype=torch.long))
    assert_close(draws.mean(0), prior.mean[0], atol=0.03, rtol=0)
    assert_close(draws.T.cov(), torch.tensor([[1.0, 0.5], [0.5, 4.25]]), atol=0.06, rtol=0)


def test_one_motion_of_an_action_is_enough():
    prior = LatentPrior.fit(posterior(1), torch.zeros(1, dtype=torch.long), 1)
    assert prior.factor.isfinite().all()


@pytest.mark.parametrize("latents", ["fitted", "posteriors"])
def test_an_action_without_motions_is_an_error(latents):
    with pytest.raises(ValueError, match="none of class 1"):
        fit_prior(latents, posterior(4), torch.zeros(4, dtype=torch.long), 2)


def ring(num: int) -> PosteriorPrior:
    """Motions whose latents lie on a circle in three dimensions, and as many elsewhere of another action."""
    angle = torch.arange(num) * 2 * torch.pi / num
    circle = torch.stack([angle.cos(), angle.sin(), torch.zeros(num)], 1)
    action = torch.arange(2).repeat_interleave(num)
    return PosteriorPrior(torch.cat([circle, circle + 10]), torch.full((2 * num, 3), 1e-3), action)


def test_draws_stay_on_the_surface_that_the_motions_lie_on():
    """A Gaussian of the same latents would fill the circle."""
    draws = ring(50).place(torch.randn(2000, 3), torch.zeros(2000, dtype=torch.long))
    assert draws[:, 2].abs().max() < 0.01
    assert ((draws[:, :2].norm(dim=1) - 1).abs() < 0.15).float().mean() > 0.95


def test_draws_are_new_and_all_motions_are_drawn_alike():
    prior, noise = ring(50), torch.randn(5000, 3)
    draws = prior.place(noise, torch.zeros(5000, dtype=torch.long))
    distance, nearest = torch.cdist(draws, prior.centre[:50]).min(1)
    assert distance.median() > 0.1 * prior.reach * (prior.centre[0] - prior.centre[1]).norm()
    assert nearest.bincount(minlength=50).min() > 50
    assert_close(draws.mean(0), torch.zeros(3), atol=0.06, rtol=0)
    # which motion is meant says nothing of the rest
    assert abs(np.corrcoef(noise[:, 2], nearest.float())[0, 1]) < 0.06


def test_a_draw_depends_on_its_own_noise_alone():
    prior, noise = ring(9), torch.randn(4, 3)
    action = torch.tensor([0, 1, 0, 1])
    together = prior.place(noise, action)
    for row in range(4):
        assert torch.equal(prior.place(noise[row : row + 1], action[row : row + 1])[0], together[row])
    assert (together[1::2].norm(dim=1) > 10).all()


def test_an_action_of_one_motion_has_draws():
    prior = PosteriorPrior(torch.ones(1, 3), torch.full((1, 3), 0.5), torch.zeros(1, dtype=torch.long))
    noise = torch.randn(5, 3)
    assert_close(prior.place(noise, torch.zeros(5, dtype=torch.long)), 1 + 0.5 * noise)


def test_a_mixture_that_does_not_fit_is_refused():
    tensors = ring(3).tensors()
    with pytest.raises(ValueError, match="3 actions"):
        prior_of_tensors(dict(tensors), 3)
    with pytest.raises(ValueError, match=r"got \(6, 3\), \(6, 3\), \(5,\)"):
        prior_of_tensors(tensors | {"prior.action": torch.zeros(5)}, 2)
