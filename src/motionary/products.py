"""Products of matrices for layers, on processors whose vectors torch's own library does not fill.

MKL multiplies the matrices of a transformer at 80 % of what a core of AMD's Zen 3 can do; panels laid out for
`tiles` reach 90 %. They do on one thread; elsewhere, and for other shapes and types, torch multiplies.

M rows, N columns, K numbers added up for each.
"""

import functools
import threading
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from motionary.native import Imported, compiled, fits

DEEPEST = 320
"""Numbers of a panel's columns at a time: sixteen columns are 20 KB, of 32 in the first level of cache."""
MOST_ROWS = 96
"""Of the left factor at a time: 120 KB, which leaves room for results in the second level of cache."""
SPARE = 8
"""Numbers behind each panel of rows, as vectors are stored whole."""
F = np.float32
copy_vector = Imported("motionary.tiles", "copy_vector")
multiply_tile = Imported("motionary.tiles", "multiply_tile")
transpose_tile = Imported("motionary.tiles", "transpose_tile")
_room = threading.local()


def linear(
    x: Float[Tensor, "*S K"], weight: Float[Tensor, "N K"], bias: Float[Tensor, "N"]
) -> Float[Tensor, "*S N"]:
    """What `torch.nn.functional.linear` gives."""
    if any(size % 16 for size in weight.shape) or not worthwhile(x, weight):
        return functional.linear(x, weight, bias)
    return _Linear.apply(x, weight, bias)


def worthwhile(*factors: Tensor) -> bool:
    """Whether products of these, there and back, are for compiled loops: in training, on one thread."""
    if not torch.is_grad_enabled() or torch.get_num_threads() > 1 or torch.compiler.is_compiling():
        return False
    wanted = fits(*factors) and factors[0].numel() > 0 and any(factor.requires_grad for factor in factors)
    return wanted and not torch.is_autocast_enabled("cpu") and fitting()


@functools.cache
def fitting() -> bool:
    """Whether this processor has the vectors that tiles are made for, and no wider ones.

    Where there are wider ones, torch's own products use them.
    """
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return bool(features.get("avx2") and features.get("fma") and not features.get("avx512f"))


class _Linear(torch.autograd.Function):
    """Three products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Keep both factors."""
        x, weight = x.contiguous(), weight.contiguous()
        ctx.save_for_backward(x, weight)
        out = x.new_empty(*x.shape[:-1], len(weight))
        multiply(_rows(x), False, _rows(weight), True, bias.detach().numpy(), _rows(out))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Derivatives by x where it has any, weight and bias."""
        x, weight = ctx.saved_tensors
        rows, to_x, to_weight = _rows(gradient.contiguous()), None, None
        if ctx.needs_input_grad[0]:
            to_x = torch.empty_like(x)
            multiply(rows, False, _rows(weight), False, None, _rows(to_x))
        if ctx.needs_input_grad[1]:
            to_weight = torch.empty_like(weight)
            multiply(rows, True, _rows(x), False, None, _rows(to_weight))
        return to_x, to_weight, gradient.flatten(0, -2).sum(0)


def _rows(tensor: Tensor) -> ndarray:
    return tensor.detach().view(-1, tensor.shape[-1]).numpy()


def multiply(
    a: Float[ndarray, "_ _"],
    turned: bool,
    b: Float[ndarray, "_ _"],
    b_turned: bool,
    bias: Float[ndarray, "N"] | None,
    out: Float[ndarray, "M N"],
) -> None:
    """Put a b + bias into out.

    Args:
        a: (M, K), or where turned (K, M).
        turned: Whether a's rows are the depth.
        b: (K, N), or where b_turned (N, K).
        b_turned: Whether b's columns are the depth.
        bias: Added to every row.
        out: Its N is a multiple of 16; rows follow one another, as in the others.
    """
    width = out.shape[1]
    if getattr(_room, "width", 0) < width:
        _room.width = width
        _room.left, _room.right = _aligned((DEEPEST + 2) * (MOST_ROWS + 6)), _aligned(DEEPEST * width)
        _room.none = np.zeros(width, F)
    start = _room.none[:width] if bias is None else bias
    _multiply(a, turned, b, b_turned, start, out, _room.left, _room.right)


def _aligned(size: int) -> ndarray:
    """Room that begins with a line of cache."""
    room = np.empty(size + 16, F)
    first = -room.ctypes.data // 4 % 16
    return room[first : first + size]


@compiled
def _multiply(a, turned, b, b_turned, bias, out, left, right):
    """See `multiply`; left and right are room for panels."""
    num_rows, width = out.shape
    total = a.shape[0] if turned else a.shape[1]
    parts = (total + DEEPEST - 1) // DEEPEST
    each = ((total + parts - 1) // parts + 7) // 8 * 8
    edge = np.empty(6 * 16, F)
    for begin in range(0, total, each):
        depth = min(each, total - begin)
        _lay_columns(b, b_turned, begin, depth, width, right)
        for first in range(0, num_rows, MOST_ROWS):
            count = min(MOST_ROWS, num_rows - first)
            _lay_rows(a, turned, first, count, begin, depth, left)
            for column in range(0, width, 16):
                panel = right.ctypes.data + column * depth * 4
                for row in range(0, count, 6):
                    rows = left.ctypes.data + row // 6 * (6 * depth + SPARE) * 4
                    here = out.ctypes.data + ((first + row) * width + column) * 4
                    if count - row < 6:
                        part = out[first + row : first + count, column : column + 16]
                        _multiply_edge(rows, panel, bias[column:], part, edge, depth, begin > 0)
                    elif begin > 0:
                        multiply_tile(rows, 1, 6, panel, here, width, here, width, depth)
                    else:
                        start = bias.ctypes.data + column * 4
                        multiply_tile(rows, 1, 6, panel, start, 0, here, width, depth)


@compiled
def _multiply_edge(rows, panel, bias, part, edge, depth, more):
    """Fewer than six rows (R, 16) of a product, or more added to them."""
    for row in range(part.shape[0]):
        for n in range(16):
            edge[16 * row + n] = part[row, n] if more else bias[n]
    multiply_tile(rows, 1, 6, panel, edge.ctypes.data, 16, edge.ctypes.data, 16, depth)
    for row in range(part.shape[0]):
        for n in range(16):
            part[row, n] = edge[16 * row + n]


@compiled
def _lay_columns(b, turned, begin, depth, width, panels):
    """Columns of b, sixteen to a panel (depth, 16), from its row `begin` on."""
    stride, to = b.shape[1], panels.ctypes.data
    if turned:
        for column in range(0, width, 8):
            first = column // 16 * 16 * depth + column % 16
            source, whole = b.ctypes.data + (column * stride + begin) * 4, depth // 8 * 8
            for k in range(0, whole, 8):
                transpose_tile(source + k * 4, stride, to + (first + k * 16) * 4, 16)
            for k in range(whole, depth):
                for n in range(8):
                    panels[first + k * 16 + n] = b[column + n, begin + k]
    else:
        for k in range(depth):
            source = b.ctypes.data + (begin + k) * stride * 4
            for column in range(0, width, 16):
                place = to + (column * depth + k * 16) * 4
                copy_vector(source + column * 4, place)
                copy_vector(source + column * 4 + 32, place + 32)


@compiled
def _lay_rows(a, turned, first, count, begin, depth, panels):
    """Rows of a, six to a panel (depth, 6), from its column `begin` on; nothing from where there are none."""
    stride, to, size = a.shape[1], panels.ctypes.data, 6 * depth + SPARE
    last = a.shape[1] if turned else a.shape[0]
    whole = max(0, min((last - first - 2) // 6, (count + 5) // 6))  # panels of which eight rows can be read
    if turned:
        for k in range(depth):
            source = a.ctypes.data + ((begin + k) * stride + first) * 4
            for panel in range(whole):
                copy_vector(source + panel * 24, to + (panel * size + 6 * k) * 4)
    for panel in range((count + 5) // 6):
        row, place = first + 6 * panel, panel * size
        blocks = 0 if panel >= whole else depth if turned else depth // 8 * 8
        if not turned:
            for k in range(0, blocks, 8):
                source = a.ctypes.data + (row * stride + begin + k) * 4
                transpose_tile(source, stride, to + (place + 6 * k) * 4, 6)
        for k in range(blocks, depth):
            for n in range(6):
                there = row + n < last
                number = F(0)
                if there:
                    number = a[begin + k, row + n] if turned else a[row + n, begin + k]
                panels[place + 6 * k + n] = number
