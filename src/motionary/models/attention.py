"""Self-attention with dropout, head by head in the caches of a core, for training on a CPU.

Torch's own operations lay heads out anew before and after each product, and go over all heads' scores several
times; here one head's scores of one motion, 16 KB, go through everything at once.

B motions, T tokens, H heads of D numbers each, Z in all. A head's scores lie in rows of P numbers: T and what
is missing to a multiple of sixteen, which is zero.
"""

from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from motionary.models.activation import draw_of, mixed
from motionary.native import Imported, compiled

F = np.float32
copy_vector = Imported("motionary.tiles", "copy_vector")
multiply_tile = Imported("motionary.tiles", "multiply_tile")
real_bits = Imported("motionary.tiles", "real_bits")
transpose_tile = Imported("motionary.tiles", "transpose_tile")


def thinned_attention(
    projected: Float[Tensor, "B T W"],
    mask: Bool[Tensor, "B T"] | None,
    num_heads: int,
    probability: float,
    seed: int,
) -> Float[Tensor, "B T Z"]:
    """What every token's heads see, some of whose weights fall silent, side by side.

    Args:
        projected: Queries, keys and values, W = 3Z, float32, on a CPU; a head's width is a multiple of 16.
        mask: Which tokens are looked at, at least one of each motion's; all when None.
        num_heads: Z is H times D.
        probability: Share of the weights that fall silent; the others are scaled to make up for it.
        seed: Of the random numbers, 64 bits.
    """
    return _ThinnedAttention.apply(projected, mask, num_heads, probability, seed)


class _ThinnedAttention(torch.autograd.Function):
    """Two loops over motions and heads; which weights fell silent is found out anew on the way back."""

    @staticmethod
    def forward(
        ctx: Any, projected: Tensor, mask: Tensor | None, num_heads: int, probability: float, seed: int
    ) -> Tensor:
        """Keep the weights before dropout."""
        projected = projected.contiguous()
        batch, length, width = projected.shape
        room = -(-length // 16) * 16
        weights = projected.new_empty(batch, num_heads, length, room)
        out = projected.new_empty(batch, length, width // 3)
        seen = torch.ones(batch, length, dtype=torch.bool) if mask is None else mask.contiguous()
        arrays = [tensor.detach().numpy() for tensor in (projected, seen, weights, out)]
        ctx.draw = draw_of(seed, probability)
        given: list[Any] = [*arrays, *ctx.draw]
        _attend(*given)
        ctx.save_for_backward(projected, weights)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Derivative by queries, keys and values."""
        projected, weights = ctx.saved_tensors
        back = torch.empty_like(projected)
        given: list[Any] = [t.numpy() for t in (projected, weights, gradient.contiguous(), back)]
        _attend_back(*given, *ctx.draw)
        return back, None, None, None, None


@compiled
def _attend(projected, seen, weights, out, low, high, threshold, larger):
    """Projected (B, T, 3Z) and seen (B, T) to weights (B, H, T, P) and out (B, T, Z)."""
    batch, num_heads, length, room = weights.shape
    width = out.shape[2]
    depth = width // num_heads
    scale = F(1) / np.sqrt(F(depth))
    thinned, query = np.zeros((room + 8, room), F), np.zeros((room + 8, depth), F)
    panels, edge = np.zeros(room * max(depth, room), F), np.zeros(7 * 16, F)
    for motion in range(batch):
        for head in range(num_heads):
            first = head * depth
            _copy_rows(projected[motion], first, scale, query)
            _lay_turned(projected[motion], width + first, length, depth, panels)
            scores = weights[motion, head]
            _multiply(query.ctypes.data, depth, 1, panels, depth, scores, 0, room, edge)
            _soften(scores, seen[motion])
            _thin(
                scores,
                thinned,
                np.uint32((motion * num_heads + head) * length * room),
                low,
                high,
                threshold,
                larger,
            )
            _lay(projected[motion], 2 * width + first, depth, panels)
            _multiply(thinned.ctypes.data, room, 1, panels, length, out[motion], first, depth, edge)


@compiled
def _attend_back(projected, weights, gradient, back, low, high, threshold, larger):
    """Projected, weights and the gradient (B, T, Z) of what came out, to the gradient of projected."""
    batch, num_heads, length, room = weights.shape
    width = gradient.shape[2]
    depth = width // num_heads
    scale = F(1) / np.sqrt(F(depth))
    thinned, slopes = np.zeros((room + 8, room), F), np.zeros((room + 8, room), F)
    rows = np.zeros((room + 8, depth), F)
    panels, edge = np.zeros(room * max(depth, room), F), np.zeros(7 * 16, F)
    for motion in range(batch):
        for head in range(num_heads):
            first, own, to = head * depth, projected[motion], back[motion]
            score = weights[motion, head]
            count = np.uint32((motion * num_heads + head) * length * room)
            _thin(score, thinned, count, low, high, threshold, larger)
            _copy_rows(gradient[motion], first, F(1), rows)
            _lay_turned(own, 2 * width + first, length, depth, panels)
            _multiply(rows.ctypes.data, depth, 1, panels, depth, slopes[:length], 0, room, edge)
            _lay(gradient[motion], first, depth, panels)
            _multiply(thinned.ctypes.data, 1, room, panels, length, to, 2 * width + first, depth, edge)
            _slopes(score, thinned, slopes, scale)
            _lay(own, width + first, depth, panels)
            _multiply(slopes.ctypes.data, room, 1, panels, length, to, first, depth, edge)
            _lay(own, first, depth, panels)
            _multiply(slopes.ctypes.data, 1, room, panels, length, to, width + first, depth, edge)


@compiled
def _multiply(a, a_row, a_step, panels, depth, out, first, width, edge):
    """Columns of out (T, ...) from the first on, as many as width says = a times the panels.

    a is an address with its strides, and can be read six rows beyond T; the last sixteen of edge are zero.
    """
    length, stride = out.shape
    for column in range(0, width, 16):
        panel = panels.ctypes.data + column * depth * 4
        for row in range(0, length, 6):
            rows = a + row * a_row * 4
            if length - row >= 6:
                here = out.ctypes.data + (row * stride + first + column) * 4
                multiply_tile(rows, a_row, a_step, panel, edge.ctypes.data + 384, 0, here, stride, depth)
            else:
                multiply_tile(
                    rows, a_row, a_step, panel, edge.ctypes.data + 384, 0, edge.ctypes.data, 16, depth
                )
                for k in range(length - row):
                    for n in range(16):
                        out[row + k, first + column + n] = edge[16 * k + n]


@compiled
def _copy_rows(source, first, scale, rows):
    """Columns of source (T, ...) from the first on, scaled, to rows (T or more, D)."""
    for row in range(source.shape[0]):
        for n in range(rows.shape[1]):
            rows[row, n] = source[row, first + n] * scale


@compiled
def _lay(source, first, depth, panels):
    """Columns of source (T, ...) from the first on, sixteen to a panel (T, 16)."""
    length, stride = source.shape
    for row in range(length):
        for column in range(0, depth, 16):
            here = source.ctypes.data + (row * stride + first + column) * 4
            place = panels.ctypes.data + (column * length + 16 * row) * 4
            copy_vector(here, place)
            copy_vector(here + 32, place + 32)


@compiled
def _lay_turned(source, first, length, depth, panels):
    """Rows of source (T, ...), sixteen to a panel (D, 16), of columns from the first on."""
    stride = source.shape[1]
    for row in range(0, (length + 15) // 16 * 16, 8):
        start = row // 16 * 16 * depth + row % 16
        if row + 8 <= length:
            for k in range(0, depth, 8):
                here = source.ctypes.data + (row * stride + first + k) * 4
                transpose_tile(here, stride, panels.ctypes.data + (start + 16 * k) * 4, 16)
        else:
            for k in range(depth):
                for n in range(8):
                    panels[start + 16 * k + n] = source[row + n, first + k] if row + n < length else F(0)


@compiled
def _soften(scores, seen):
    """The softmax of each row (T, P) over the tokens that are seen, in its place; zero elsewhere."""
    length, room = scores.shape
    for row in range(length):
        here = scores[row]
        largest = F(-np.inf)
        for n in range(length):
            largest = max(largest, here[n] if seen[n] else F(-np.inf))
        total = F(0)
        for n in range(length):
            # exp(x) = 2^k exp(r), |r| <= log(2) / 2, of which Taylor's polynomial is off by 2e-8
            x = max(here[n] - largest, F(-87))
            k = np.int32(x * F(1.44269504) - F(0.5))
            r = (x - F(k) * F(0.693359375)) + F(k) * F(2.12194440e-4)
            power = F(1 / 120) + r * F(1 / 720)
            power = F(1 / 2) + r * (F(1 / 6) + r * (F(1 / 24) + r * power))
            power = (F(1) + r * (F(1) + r * power)) * real_bits(np.int32((k + np.int32(127)) << np.int32(23)))
            here[n] = power if seen[n] else F(0)
            total += here[n]
        factor = F(1) / total
        for n in range(length):
            here[n] *= factor
        for n in range(length, room):
            here[n] = F(0)


@compiled
def _thin(scores, thinned, first, low, high, threshold, larger):
    """Rows (T, P) of weights, silenced and scaled, to the first rows of thinned."""
    length, room = scores.shape
    for row in range(length):
        here, there = scores[row], thinned[row]
        start = np.uint32(first + np.uint32(row * room) + low)
        for n in range(room):
            kept = larger if mixed(np.uint32(np.uint32(n) + start), high) >= threshold else F(0)
            there[n] = here[n] * kept


@compiled
def _slopes(weights, thinned, slopes, scale):
    """Slopes (T or more, P) by what came after dropout, to those by the products of queries and keys."""
    length, room = weights.shape
    for row in range(length):
        here, kept, slope = weights[row], thinned[row], slopes[row]
        along = F(0)
        for n in range(room):
            along += slope[n] * kept[n]
        for n in range(room):
            slope[n] = (slope[n] * kept[n] - here[n] * along) * scale
