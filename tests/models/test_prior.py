"""The prior is the Gaussian of every action's own latents."""

import pytest
import torch
from torch.testing import assert_close

from motionary.models.actor import Posterior
from motionary.models.prior import LatentPrior


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


def test_an_action_without_motions_is_an_error():
    with pytest.raises(ValueError, match="none of class 1"):
        LatentPrior.fit(posterior(4), torch.zeros(4, dtype=torch.long), 2)
