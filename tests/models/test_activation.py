"""The loop is GELU and dropout."""

import numpy as np
import torch
from torch.nn import functional
from torch.testing import assert_close

from motionary.models.activation import mixed, thinned_gelu_

X = torch.cat(
    [torch.linspace(-12, 12, 100_001), torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1e30, -100.0, -1e30])]
)


def value_and_slope(function, x):
    x = x.clone().requires_grad_()
    out = function(x * 1)
    (slope,) = torch.autograd.grad(out.sum(), x)
    return out.detach(), slope


def test_with_nothing_silenced_it_is_gelu_to_the_precision_of_float32():
    out, slope = value_and_slope(lambda x: thinned_gelu_(x, 0.0, 1), X)
    expected, expected_slope = value_and_slope(functional.gelu, X.double())
    assert_close(out.double(), expected, atol=4e-7, rtol=1e-6)
    assert_close(slope.double(), expected_slope, atol=5e-7, rtol=1e-6)


def test_what_is_left_is_scaled_and_what_is_not_has_no_slope():
    x = torch.randn(100_000, generator=torch.Generator().manual_seed(0)) + 5
    out, slope = value_and_slope(lambda x: thinned_gelu_(x, 0.25, 1 << 40), x)
    left = out != 0
    assert_close(left.float().mean().item(), 0.75, atol=5e-3, rtol=0)
    expected, expected_slope = value_and_slope(functional.gelu, x)
    assert_close(out[left], expected[left] / 0.75)
    assert_close(slope, left * expected_slope / 0.75)


def test_the_seed_decides_both_its_halves():
    first, again, low, high = (
        thinned_gelu_(torch.ones(64), 0.5, seed)
        for seed in (5 | 7 << 32, 5 | 7 << 32, 6 | 7 << 32, 5 | 8 << 32)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, low)
    assert not torch.equal(first, high)


def test_entries_fall_silent_independently():
    silent = (thinned_gelu_(torch.ones(512_000), 0.3, 123 << 20) == 0).float() - 0.3
    for step in (1, 2, 3, 4, 8, 256, 1024):
        assert abs((silent[step:] * silent[:-step]).mean()) < 2e-3


def test_every_number_is_mixed_to_another():
    numbers = [int(mixed(np.uint32(n), np.uint32(9))) for n in range(10_000)]
    assert len(set(numbers)) == 10_000
