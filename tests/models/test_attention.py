"""Attention in one loop is the textbook's, with some of its weights silenced."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from motionary.models.activation import draw_of, mixed
from motionary.models.attention import thinned_attention
from motionary.products import fitting

pytestmark = pytest.mark.skipif(not fitting(), reason="tiles are for other processors than this one")
SEED = 123456789123


def plain(projected: Tensor, mask: Tensor | None, num_heads: int, kept: Tensor) -> Tensor:
    query, key, value = (t.transpose(1, 2) for t in projected.unflatten(-1, (3, num_heads, -1)).unbind(2))
    scores = query * query.shape[-1] ** -0.5 @ key.mT
    if mask is not None:
        scores = scores.masked_fill(~mask[:, None, None], -torch.inf)
    return ((scores.softmax(-1) * kept) @ value).transpose(1, 2).flatten(2)


def kept_weights(batch: int, num_heads: int, length: int, probability: float) -> Tensor:
    """What the loop multiplies weights by."""
    room = -(-length // 16) * 16
    low, high, threshold, larger = draw_of(SEED, probability)
    count = np.arange(batch * num_heads * length * room, dtype=np.uint32) + low
    silent = [mixed(number, high) < threshold for number in count]
    kept = torch.tensor(np.where(silent, 0, larger)).view(batch, num_heads, length, room)
    return kept[..., :length].double()


@pytest.mark.parametrize("probability", [0.0, 0.1])
@pytest.mark.parametrize(
    ("length", "num_heads", "depth", "padded"),
    [(1, 1, 16, False), (7, 2, 16, True), (16, 1, 48, False), (50, 2, 32, True), (62, 4, 64, False)],
)
def test_it_and_its_gradient_are_the_textbooks(length, num_heads, depth, padded, probability):
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(2, length, 3 * num_heads * depth, generator=generator).mul(2).requires_grad_()
    gradient = torch.randn(2, length, num_heads * depth, generator=generator)
    mask = torch.arange(length) < torch.tensor([length, 2])[:, None] if padded else None
    exact = given.detach().double().requires_grad_()
    kept = kept_weights(2, num_heads, length, probability)
    found, expected = (
        thinned_attention(given, mask, num_heads, probability, SEED),
        plain(exact, mask, num_heads, kept),
    )
    assert_close(found.double(), expected, rtol=0, atol=3e-6 * float(expected.detach().abs().max()))
    (slope,) = torch.autograd.grad(found, given, gradient)
    (right,) = torch.autograd.grad(expected, exact, gradient.double())
    assert_close(slope.double(), right, rtol=0, atol=1e-5 * float(right.abs().max()))


def test_scores_of_any_size_leave_no_number_that_is_none():
    projected = torch.tensor([0.0, 300.0, -300.0])[:, None].repeat(1, 16)
    given = projected[None, :, :].repeat(1, 1, 3).requires_grad_()
    found = thinned_attention(given, None, 1, 0.0, SEED)
    found.sum().backward()
    assert found.isfinite().all()
    assert given.grad.isfinite().all()
    assert_close(found[0, 1], projected[1])  # which looks at itself alone
