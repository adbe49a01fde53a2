"""Vertices of many frames, some at a time, in memory that is used again and again.

N frames, V vertices.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel, PosedBody

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
    chunks = _chunks(posed.shaped.model)
    for maps, bend in zip(affine.split(size), posed.bend.split(size), strict=True):
        vertices, start = room[: len(maps)], 0
        for template, directions, weights in chunks:
            stop = start + weights.shape[1]
            blended = (maps.view(-1, NUM_JOINTS) @ weights).view(*maps.shape[:3], -1)
            *turns, points = blended.unbind(1)
            rest = torch.addmm(template, bend[:, : len(directions)], directions).view(len(maps), 3, -1)
            for axis, turn in enumerate(turns):
                points.addcmul_(turn, rest[:, axis, None])
            vertices[:, :, start:stop] = points
            start = stop
        yield vertices.mT


def _chunks(model: BodyModel) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Of some vertices each: template (3C,), pose correctives (207 or 0, 3C) and skinning weights (24, C)."""
    found = []
    for start in range(0, model.num_vertices, VERTICES_AT_ONCE):
        rows = slice(start, start + VERTICES_AT_ONCE)
        template = model.v_template[rows].T.flatten()
        directions = template.new_empty(0, len(template))
        if model.posedirs is not None:
            directions = model.posedirs[rows].permute(2, 1, 0).flatten(1)
        found.append((template, directions, model.weights[rows].T.contiguous()))
    return found
