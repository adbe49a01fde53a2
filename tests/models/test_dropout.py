"""Cheap random numbers silence as many entries as asked for, the same ones for the same seed."""

import pytest
import torch
from torch.testing import assert_close

from motionary.models.dropout import Dropout

CPU = torch.device("cpu")


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_the_asked_share_falls_silent_and_the_mean_stays(probability):
    torch.manual_seed(0)
    left = Dropout(probability).begin(CPU).thin(torch.ones(1000, 1001))
    assert_close((left == 0).float().mean().item(), probability, atol=2e-3, rtol=0)
    assert_close(left.mean().item(), 1.0, atol=0.01, rtol=0)
    assert left.unique().numel() == 2


def test_entries_fall_silent_independently():
    torch.manual_seed(1)
    silent = (Dropout(0.3).begin(CPU).mask(torch.empty(500, 1024)) == 0).float() - 0.3
    for step in (1, 2, 3, 4, 1024):  # four entries share one random number
        flat = silent.flatten()
        assert abs((flat[step:] * flat[:-step]).mean()) < 2e-3


def test_torch_s_seed_decides():
    drop, ones = Dropout(0.5), torch.ones(40)
    first, other, again = ((torch.manual_seed(seed), drop.begin(CPU).thin(ones))[-1] for seed in (3, 4, 3))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_seed_of_its_own_decides_whatever_torch_s_is():
    drop, ones = Dropout(0.5), torch.ones(40)
    first, other, again = (drop.begin(CPU, seed).thin(ones) for seed in (3, 4, 3))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_no_two_masks_of_a_pass_are_alike():
    drop = Dropout(0.5).begin(CPU)
    assert not torch.equal(drop.thin(torch.ones(64)), drop.thin(torch.ones(64)))


def test_nothing_falls_silent_outside_training():
    drop, x = Dropout(0.5).eval().begin(CPU), torch.randn(3, 4)
    assert torch.equal(drop.thin(x), x)
    assert torch.equal(drop.add(x, x), 2 * x)


def test_gradients_pass_where_entries_are_left():
    torch.manual_seed(0)
    drop, change = Dropout(0.5).begin(CPU), torch.ones(64, requires_grad=True)
    total = drop.add(torch.zeros(64), change)
    total.sum().backward()
    assert_close(change.grad, total.detach())
