"""The way from one sample to another begins and ends at them, and is smooth."""

import numpy as np
import pytest
import torch

from motionary.generation import generate
from motionary.models import load_model
from motionary.studio.variation import Sample, latents_between, walk


@pytest.fixture(scope="module")
def model(checkpoint):
    return load_model(checkpoint)


@pytest.mark.parametrize("end", [Sample("walk", 5), Sample("jump", 5)])
def test_its_ends_are_the_samples(end, model):
    first, last = walk(model, Sample("walk", 3), end, (0.0, 1.0), 0.4)
    for motion, sample in ((first, Sample("walk", 3)), (last, end)):
        (expected,) = generate(model, sample.action, seconds=0.4, seed=sample.seed)
        assert np.allclose(motion.translation, expected.translation, atol=1e-4)
        assert np.allclose(motion.pose, expected.pose, atol=1e-3)


def test_it_has_no_jumps_and_stays_as_likely(model):
    places = np.linspace(0, 1, 21).tolist()
    z = latents_between(model, Sample("walk", 3), Sample("walk", 5), places)
    steps = (z[1:] - z[:-1]).norm(dim=1)
    assert steps.max() < 1.5 * steps.min()
    lengths = z.norm(dim=1)
    assert lengths.min() > 0.99 * min(lengths[0], lengths[-1])


def test_a_sample_leads_to_itself(model):
    z = latents_between(model, Sample("walk", 3), Sample("walk", 3), (0.0, 0.5, 1.0))
    assert torch.allclose(z, z[:1].expand(3, -1))


def test_a_place_beyond_the_ends_is_refused(model):
    with pytest.raises(ValueError, match="0 to 1"):
        walk(model, Sample("walk", 0), Sample("walk", 1), (1.5,), 1.0)
    with pytest.raises(ValueError, match="negative"):
        walk(model, Sample("walk", -1), Sample("walk", 1), (0.5,), 1.0)
