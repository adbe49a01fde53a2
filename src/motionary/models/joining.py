"""LayerNorm(x + dropout(change)), what follows every part of a transformer's layer, in one pass on CPUs.

Torch's own operations go over the numbers eight times there and five times back. N tokens, Z width.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from motionary.models.activation import draw_of, mixed
from motionary.native import compiled

F = np.float32


def thinned_add_norm(
    x: Float[Tensor, "*S Z"],
    change: Float[Tensor, "*S Z"],
    norm: nn.LayerNorm,
    probability: float,
    seed: int,
) -> Float[Tensor, "*S Z"]:
    """A change added to x, silenced at random and scaled so that the expected value stays, then normalised.

    Args:
        x: float32, on a CPU.
        change: Likewise.
        norm: Over the last axis alone.
        probability: Share of the change's entries that fall silent.
        seed: Of the random numbers, 64 bits.
    """
    return _ThinnedAddNorm.apply(x, change, norm.weight, norm.bias, norm.eps, probability, seed)


class _ThinnedAddNorm(torch.autograd.Function):
    """Two loops; which entries fell silent is found out anew on the way back."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        change: Tensor,
        weight: Tensor,
        bias: Tensor,
        eps: float,
        probability: float,
        seed: int,
    ) -> Tensor:
        """Keep the normalised sum, and by what it was scaled."""
        x, change = x.contiguous(), change.contiguous()
        out, normal, scale = torch.empty_like(x), torch.empty_like(x), x.new_empty(x[..., 0].numel())
        ctx.draw = draw_of(seed, probability)
        rows = [_rows(tensor) for tensor in (x, change, out, normal)]
        given: list[Any] = [*rows, *_arrays(weight, bias, scale), F(eps), *ctx.draw]
        _add_norm(*given)
        ctx.save_for_backward(normal, scale, weight)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Derivatives by x, change, weight and bias."""
        normal, scale, weight = ctx.saved_tensors
        gradient = gradient.contiguous()
        to_x, to_change = torch.empty_like(normal), torch.empty_like(normal)
        to_weight, to_bias = torch.zeros_like(weight), torch.zeros_like(weight)
        rows = [_rows(tensor) for tensor in (gradient, normal, to_x, to_change)]
        _add_norm_back(*rows, *_arrays(weight, scale, to_weight, to_bias), *ctx.draw)
        return to_x, to_change, to_weight, to_bias, None, None, None


def _rows(tensor: Tensor) -> np.ndarray:
    return tensor.detach().view(-1, tensor.shape[-1]).numpy()


def _arrays(*tensors: Tensor) -> list[np.ndarray]:
    return [tensor.detach().numpy() for tensor in tensors]


@compiled
def _add_norm(x, change, out, normal, weight, bias, scale, eps, low, high, threshold, larger):
    """Rows (N, Z) of x and change to those of out and normal, and scale (N,)."""
    width = x.shape[1]
    for row in range(x.shape[0]):
        here, there, result, unit = x[row], change[row], out[row], normal[row]
        first = np.uint32(np.uint32(row * width) + low)
        total = F(0)
        for n in range(width):
            kept = larger if mixed(np.uint32(np.uint32(n) + first), high) >= threshold else F(0)
            unit[n] = here[n] + kept * there[n]
            total += unit[n]
        mean, squares = total / F(width), F(0)
        for n in range(width):
            off = unit[n] - mean
            squares += off * off
        factor = F(1) / np.sqrt(squares / F(width) + eps)
        for n in range(width):
            unit[n] = (unit[n] - mean) * factor
            result[n] = unit[n] * weight[n] + bias[n]
        scale[row] = factor


@compiled
def _add_norm_back(
    gradient, normal, to_x, to_change, weight, scale, to_weight, to_bias, low, high, threshold, larger
):
    """Rows (N, Z) of the gradient to those of to_x and to_change; adds to to_weight and to_bias (Z,)."""
    width = normal.shape[1]
    for row in range(normal.shape[0]):
        given, unit, own, other = gradient[row], normal[row], to_x[row], to_change[row]
        first = np.uint32(np.uint32(row * width) + low)
        total, along = F(0), F(0)
        for n in range(width):
            part = given[n] * weight[n]
            total += part
            along += part * unit[n]
        total, along = total / F(width), along / F(width)
        for n in range(width):
            to_weight[n] += given[n] * unit[n]
        for n in range(width):
            to_bias[n] += given[n]
        for n in range(width):
            kept = larger if mixed(np.uint32(np.uint32(n) + first), high) >= threshold else F(0)
            slope = scale[row] * (given[n] * weight[n] - total - unit[n] * along)
            own[n] = slope
            other[n] = slope * kept
