"""The loop is a sum with dropout and LayerNorm, in its gradients too."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from motionary.models.dropout import Dropout
from motionary.models.joining import thinned_add_norm


@pytest.fixture
def norm():
    torch.manual_seed(0)
    norm = nn.LayerNorm(48)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


def given(seed: int, shape=(3, 5, 48)) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def gradients(out, norm, *inputs):
    return torch.autograd.grad(out, (*inputs, norm.weight, norm.bias), given(9, out.shape).detach())


def test_with_nothing_silenced_it_is_the_norm_of_the_sum(norm):
    x, change = given(1), given(2)
    expected, out = norm(x + change), thinned_add_norm(x, change, norm, 0.0, 3)
    assert_close(out, expected, atol=3e-6, rtol=1e-5)
    found = gradients(out, norm, x, change)
    assert_close(found, gradients(expected, norm, x, change), atol=1e-5, rtol=1e-5)


def test_what_fell_silent_on_the_way_there_has_no_gradient_on_the_way_back(norm):
    x, change = given(1), given(2)
    out = thinned_add_norm(x, change, norm, 0.4, 3 << 33)
    with torch.no_grad():  # the mask, found by its effect on a large change to nothing
        loud = thinned_add_norm(torch.zeros_like(x), torch.ones_like(x), nn.LayerNorm(48), 0.4, 3 << 33) > 0
    assert_close(loud.float().mean().item(), 0.6, atol=0.06, rtol=0)
    expected = norm(x + change * loud / 0.6)
    assert_close(out, expected, atol=3e-6, rtol=1e-5)
    found = gradients(out, norm, x, change)
    assert_close(found, gradients(expected, norm, x, change), atol=1e-5, rtol=1e-5)


def test_inputs_need_not_be_contiguous_nor_of_one_size(norm):
    drop = Dropout(0.4)
    x, change = given(1, (1, 5, 48)), given(2, (3, 48, 5)).mT
    first, again = (drop.begin(x.device, 4).add_norm(x, change, norm) for _ in range(2))
    whole = drop.begin(x.device, 4).add_norm(x.expand(3, -1, -1).contiguous(), change.contiguous(), norm)
    assert_close(first, again, rtol=0, atol=0)
    assert_close(first, whole, rtol=0, atol=0)


def test_outside_training_and_in_other_precisions_it_is_torch_s_own(norm):
    x, change = given(1), given(2)
    calm = Dropout(0.4).eval().begin(x.device)
    assert torch.equal(calm.add_norm(x, change, norm), norm(x + change))
    precise = Dropout(0.4).begin(x.device, 1).add_norm(x.double(), change.double(), norm.double())
    assert precise.dtype == torch.float64
