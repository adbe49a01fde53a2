"""The squared distance between all vertices of two posed bodies, never holding all vertices.

A vertex is v = sum_j w_j (R_j u + t_j) with u = template + directions · bend: two products of matrices and a
few products of numbers between them. Chunks of vertices go through all of it, error and gradient, while they
lie in cache, and the autograd engine keeps nothing but the gradient. On a CPU a compiled loop stands between
the products (`body.vertex_loop`).

N frames, V vertices, C vertices of a chunk, K joints that a chunk hangs on.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx, once_differentiable

from motionary.body.smpl import BodyModel, PosedBody
from motionary.body.vertex_loop import CompiledFrames, hung_on
from motionary.native import fits

VERTICES_AT_ONCE = 256
FRAMES_AT_ONCE = 320
"""Nine numbers of 256 vertices in 2 x 320 frames are 6 MB, which the last level of cache holds beside the
rest; smaller chunks lose more time between them."""


class VertexError(nn.Module):
    """Mean squared distance, per coordinate, between corresponding vertices of two posed bodies."""

    directions: Tensor
    """(3V, 208): pose correctives, and the template as the last one; chunk by chunk, in each axis by axis."""
    weights: Tensor
    """(V, 24): skinning weights times the root of what the vertex counts."""

    def __init__(
        self,
        body: BodyModel,
        vertex_ids: Int[Tensor, "V"] | None = None,
        counts: Float[Tensor, "V"] | None = None,
    ) -> None:
        """Prepare the distance for a mean-shaped body with pose correctives.

        Args:
            body: The body of both.
            vertex_ids: Vertices to compare; all when None.
            counts: What each of them counts, summing to one; all the same when None.
        """
        super().__init__()
        assert body.posedirs is not None
        ids = torch.arange(body.num_vertices) if vertex_ids is None else vertex_ids
        counts = body.v_template.new_full((len(ids),), 1 / len(ids)) if counts is None else counts
        # Neighbours hang on the same few joints: ordered by joint, a chunk needs few.
        order = body.weights[ids].argmax(1).argsort(stable=True)
        ids, counts = ids[order], counts[order]
        columns = torch.cat([body.posedirs[ids], body.v_template[ids, :, None]], dim=-1)
        chunks = [chunk.transpose(0, 1).flatten(0, 1) for chunk in columns.split(VERTICES_AT_ONCE)]
        self.register_buffer("directions", torch.cat(chunks), persistent=False)
        weights = body.weights[ids] * (counts / 3).sqrt()[:, None]
        self.register_buffer("weights", weights, persistent=False)
        self._joints = [chunk.any(0).nonzero()[:, 0].tolist() for chunk in weights.split(VERTICES_AT_ONCE)]
        self._hung_on, self._strongest = hung_on(weights)

    def forward(self, posed: PosedBody, target: PosedBody) -> Float[Tensor, ""]:
        """Mean squared distance in square metres; its gradient goes to `posed` alone."""
        return self.between(posed.affine, posed.bend, target.affine.detach(), target.bend.detach())

    def between(
        self,
        affine: Float[Tensor, "N 24 3 4"],
        bend: Float[Tensor, "N 207"],
        target_affine: Float[Tensor, "N 24 3 4"],
        target_bend: Float[Tensor, "N 207"],
    ) -> Float[Tensor, ""]:
        """The same, of bodies given by their `PosedBody.affine` and `PosedBody.bend`."""
        return _Error.apply(affine, bend, target_affine, target_bend, self)

    def add_up(self, frames: "_Frames | CompiledFrames", num_frames: int) -> Float[Tensor, ""]:
        """Error of some frames out of num_frames; its gradient is added to theirs."""
        compiled, add = isinstance(frames, CompiledFrames), cast(Any, frames.add_chunk)
        total = frames.bends.new_zeros(())
        for chunk in self._sparse_chunks() if compiled else self._chunks():
            total += add(*chunk, 1 / num_frames)
        return total

    def _chunks(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Joints that a chunk hangs on, its vertices' weights by them, and its directions."""
        weights, directions = (
            self.weights.split(VERTICES_AT_ONCE),
            self.directions.split(3 * VERTICES_AT_ONCE),
        )
        for joints, rows, columns in zip(self._joints, weights, directions, strict=True):
            chunk = torch.tensor(joints, device=rows.device)
            yield chunk, rows[:, chunk], columns

    def _sparse_chunks(self) -> Iterator[tuple[ndarray, ndarray, Tensor]]:
        """Joints of each of a chunk's vertices, its weights by them, and the chunk's directions."""
        for start in range(0, len(self.weights), VERTICES_AT_ONCE):
            rows = slice(start, start + VERTICES_AT_ONCE)
            yield self._hung_on[rows], self._strongest[rows], self.directions[3 * start : 3 * rows.stop]


class _Frames:
    """Poses of some frames, the targets' after them, and the gradient for the former."""

    def __init__(self, affine: list[Tensor], bend: list[Tensor], gradient: bool) -> None:
        turns, bends = torch.cat([maps[..., :3] for maps in affine]), torch.cat(bend).T
        self.turns = turns.flatten(2).permute(1, 2, 0).contiguous()  # (24, 9, 2N)
        self.shift = (affine[0] - affine[1])[..., 3].permute(1, 2, 0).contiguous()  # (24, 3, N)
        self.bends = torch.cat([bends, bends.new_ones(1, bends.shape[1])])  # (208, 2N)
        self.gradient = gradient
        if gradient:
            num_frames = self.shift.shape[-1]
            self.to_turns = self.turns.new_zeros(*self.turns.shape[:2], num_frames)
            self.to_shift = torch.zeros_like(self.shift)
            self.to_bends = self.bends.new_zeros(len(self.bends), num_frames)

    def add_chunk(
        self,
        joints: Int[Tensor, "K"],
        weights: Float[Tensor, "C K"],
        directions: Float[Tensor, "3*C 208"],
        scale: float,
    ) -> Float[Tensor, ""]:
        """Error of a chunk of vertices."""
        num_vertices, num_frames = len(weights), self.shift.shape[-1]
        rest = (directions @ self.bends).view(3, num_vertices, -1)  # (3, C, 2N)
        turns = (weights @ self.turns[joints].flatten(1)).view(num_vertices, 9, -1)
        apart = (weights @ self.shift[joints].flatten(1)).view(num_vertices, 3, -1)
        _add_turned(apart, turns[..., :num_frames], rest[..., :num_frames], 1.0)
        _add_turned(apart, turns[..., num_frames:], rest[..., num_frames:], -1.0)
        error = torch.dot(apart.view(-1), apart.view(-1)) * scale
        if self.gradient:
            apart *= 2 * scale
            to_rest = _turned_back(turns[..., :num_frames], apart)
            self.to_bends.addmm_(directions.T, to_rest.flatten(0, 1))
            to_turns = weights.T @ _outer(apart, rest[..., :num_frames]).flatten(1)
            self.to_turns.index_add_(0, joints, to_turns.view(-1, 9, num_frames))
            to_shift = weights.T @ apart.flatten(1)
            self.to_shift.index_add_(0, joints, to_shift.view(-1, 3, num_frames))
        return error

    def to_affine(self) -> Float[Tensor, "N 24 3 4"]:
        """Gradient for the affine maps."""
        turns = self.to_turns.permute(2, 0, 1).unflatten(-1, (3, 3))
        return torch.cat([turns, self.to_shift.permute(2, 0, 1)[..., None]], dim=-1)


def _add_turned(
    total: Float[Tensor, "C 3 N"], turns: Float[Tensor, "C 9 N"], rest: Float[Tensor, "3 C N"], sign: float
) -> None:
    """Add what the rotations make of vertices at rest."""
    for axis in range(3):
        for other in range(3):
            total[:, axis].addcmul_(turns[:, 3 * axis + other], rest[other], value=sign)


def _turned_back(turns: Float[Tensor, "C 9 N"], apart: Float[Tensor, "C 3 N"]) -> Float[Tensor, "3 C N"]:
    """Gradient for where vertices were at rest: the transposed rotations times it."""
    to_rest = apart.new_empty(3, len(apart), apart.shape[-1])
    for axis in range(3):
        torch.mul(turns[:, axis], apart[:, 0], out=to_rest[axis])
        to_rest[axis].addcmul_(turns[:, 3 + axis], apart[:, 1]).addcmul_(turns[:, 6 + axis], apart[:, 2])
    return to_rest


def _outer(apart: Float[Tensor, "C 3 N"], rest: Float[Tensor, "3 C N"]) -> Float[Tensor, "C 9 N"]:
    """Gradient for vertices' own rotations."""
    outer = apart.new_empty(len(apart), 9, apart.shape[-1])
    for axis in range(3):
        for other in range(3):
            torch.mul(apart[:, axis], rest[other], out=outer[:, 3 * axis + other])
    return outer


class _Error(torch.autograd.Function):
    """`VertexError` with its gradient found on the way."""

    @staticmethod
    def forward(
        ctx: Any,
        affine: Tensor,
        bend: Tensor,
        target_affine: Tensor,
        target_bend: Tensor,
        vertices: VertexError,
    ) -> Tensor:
        """Error of all frames, some after some."""
        needed = any(ctx.needs_input_grad)
        total, to_maps, to_bends = affine.new_zeros(()), [], []
        parts = (tensor.split(FRAMES_AT_ONCE) for tensor in (affine, target_affine, bend, target_bend))
        for maps, target_maps, bends, target_bends in zip(*parts, strict=True):
            kind = CompiledFrames if fits(maps) else _Frames
            frames = kind([maps, target_maps], [bends, target_bends], needed)
            total += vertices.add_up(frames, len(affine))
            if needed:
                to_maps.append(frames.to_affine())
                to_bends.append(frames.to_bends[:-1].T)
        if needed:
            ctx.save_for_backward(torch.cat(to_maps), torch.cat(to_bends))
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """What forward found, scaled."""
        to_affine, to_bend = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient * to_affine, gradient * to_bend, None, None, None
