"""GELU (Hendrycks and Gimpel 2016) followed by dropout, in one compiled pass over memory on CPUs.

Torch's own operations go over the feed-forward's hidden numbers nine times there and back: random bits,
mask, GELU, their product, and the derivatives of both. Here they are read once, and what is kept for the way
back is one factor for each.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from motionary.native import compiled

F = np.float32


def thinned_gelu_(x: Float[Tensor, "*S"], probability: float, seed: int) -> Float[Tensor, "*S"]:
    """GELU of a float32 tensor on a CPU, silenced at random and scaled so that the expected value stays.

    Args:
        x: Contiguous; what comes out takes its place.
        probability: Share of the entries that fall silent.
        seed: Of the random numbers, 64 bits.
    """
    return _ThinnedGelu.apply(x, probability, seed)


class _ThinnedGelu(torch.autograd.Function):
    """The loop, and a product on the way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, probability: float, seed: int) -> Tensor:
        """Keep the derivative alone."""
        slope = torch.empty_like(x)
        _gelu_and_slope(x.view(-1).numpy(), slope.view(-1).numpy(), *draw_of(seed, probability))
        ctx.mark_dirty(x)
        ctx.save_for_backward(slope)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Where nothing was kept the derivative is zero; it takes the slope's place, and is had once."""
        (slope,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return slope.mul_(gradient), None, None


def draw_of(seed: int, probability: float) -> tuple[np.uint32, np.uint32, np.uint32, np.float32]:
    """What decides which entries fall silent, as the loops take it.

    Returns:
        Both halves of the seed's 64 bits, what `mixed` must reach for an entry not to fall silent, and the
        factor that makes up for those that do.
    """
    low, high = np.uint32(seed & 0xFFFFFFFF), np.uint32(seed >> 32)
    return low, high, np.uint32(round(probability * 2**32)), F(1 / (1 - probability))


@compiled
def mixed(number, key):
    """A random 32-bit number for every 32-bit number: murmur3's last step, with a key in between."""
    bits = np.uint32((number ^ (number >> np.uint32(16))) * np.uint32(0x85EBCA6B))
    bits = np.uint32((bits ^ (bits >> np.uint32(13)) ^ key) * np.uint32(0xC2B2AE35))
    return np.uint32(bits ^ (bits >> np.uint32(16)))


@compiled
def _gelu_and_slope(x, slope, low, high, threshold, scale):
    """GELU in the place of x and its derivative, both silenced; arguments as in `thinned_gelu_`.

    GELU is x times the share of the normal distribution below x. Beyond |x| lies exp(-x^2 / 2) times a slowly
    varying function (Mills' ratio): a polynomial in 1 / (1 + 0.3 |x|), fitted to within 1e-9. The exponential
    is the eighth power of a polynomial, fitted to within 2e-8.
    """
    for n in range(x.size):
        kept = scale if mixed(np.uint32(np.uint32(n) + low), high) >= threshold else F(0)
        here = x[n]
        size = min(abs(here), F(5.75))  # what lies beyond is lost in float32, and counts nothing
        z = size * size * F(1 / 16)
        root = F(-1.43678867e-4) + z * F(8.56779491e-6)
        root = F(-8.19567978e-3) + z * (F(1.27815438e-3) + z * root)
        root = F(0.499989663) + z * (F(-0.166621049) + z * (F(0.0415625359) + z * root))
        root = F(1) + z * (F(-0.999999062) + z * root)
        square = root * root
        bell = square * square
        bell = bell * bell if abs(here) < F(5.75) else F(0)  # exp(-x^2 / 2)
        u = F(1) / (F(1) + F(0.3) * size)
        ratio = F(0.682862539) + u * (F(-0.313106151) + u * F(0.0497896968))
        ratio = F(-2.21102206e-3) + u * (F(0.458146294) + u * (F(-0.516980276) + u * ratio))
        ratio = F(-2.00909617e-3) + u * (F(0.143508015) + u * ratio)
        tail = bell * ratio
        below = tail if here < F(0) else F(1) - tail
        x[n] = kept * here * below
        slope[n] = kept * (below + here * (bell * F(0.3989422804)))
