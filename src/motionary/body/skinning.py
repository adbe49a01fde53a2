"""Vertices of many frames, some at a time, in memory that is used again and again.

N frames, V vertices.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel, PosedBody
from motionary.threads import SideBySide

FRAMES_AT_ONCE = 128
VERTICES_AT_ONCE = 512
"""Twelve numbers of 512 vertices in 128 frames are 3 MB, which stay in cache."""


@torch.inference_mode()
def stream_vertices(posed: PosedBody) -> Iterator[Float[Tensor, "N V 3"]]:
    """Vertices in metres of all frames, in order.

    Args:
        posed: The mean-shaped body in (F,) frames.

    Yields:
        The next frames' vertices, to be used or copied before the next are asked for: they take their place.
    """
    affine = posed.affine.movedim(-3, -1).transpose(-3, -2).contiguous()  # (F, 4, 3, 24)
    size = min(FRAMES_AT_ONCE, len(affine))
    room = affine.new_empty(size, 3, posed.shaped.model.num_vertices)
    side_by_side = SideBySide()
    shares = _shares(_chunks(posed.shaped.model), side_by_side.count)
    for maps, bend in zip(affine.split(size), posed.bend.split(size), strict=True):
        vertices = room[: len(maps)]
        list(side_by_side.map(partial(_skin, vertices, maps, bend), shares))
        yield vertices.mT


Chunk = tuple[int, Tensor, Tensor, Tensor]
"""First vertex, template (3C,), pose correctives (207 or 0, 3C) and skinning weights (24, C)."""


@torch.inference_mode()
def _skin(
    room: Float[Tensor, "N 3 V"],
    maps: Float[Tensor, "N 4 3 24"],
    bend: Float[Tensor, "N 207"],
    chunks: Sequence[Chunk],
) -> None:
    """Put the vertices of some chunks in their places."""
    for start, template, directions, weights in chunks:
        blended = (maps.view(-1, NUM_JOINTS) @ weights).view(*maps.shape[:3], -1)
        *turns, points = blended.unbind(1)
        rest = torch.addmm(template, bend[:, : len(directions)], directions).view(len(maps), 3, -1)
        for axis, turn in enumerate(turns):
            points.addcmul_(turn, rest[:, axis, None])
        room[:, :, start : start + weights.shape[1]] = points


def _shares(chunks: list[Chunk], count: int) -> list[list[Chunk]]:
    """The chunks dealt out."""
    return [chunks[first::count] for first in range(count)]


def _chunks(model: BodyModel) -> list[Chunk]:
    """The body in chunks that stay in cache."""
    found = []
    for start in range(0, model.num_vertices, VERTICES_AT_ONCE):
        rows = slice(start, start + VERTICES_AT_ONCE)
        template = model.v_template[rows].T.flatten()
        directions = template.new_empty(0, len(template))
        if model.posedirs is not None:
            directions = model.posedirs[rows].permute(2, 1, 0).flatten(1)
        found.append((start, template, directions, model.weights[rows].T.contiguous()))
    return found
