"""Vertices of many frames, some at a time, in memory that is used again and again.

In float32 on a CPU a compiled loop follows the product that bends vertices at rest: it blends the maps of the
few joints that a vertex hangs on, where a product of matrices would go through all 24.

N frames, V vertices, C vertices of a chunk, K joints that a vertex hangs on.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel, PosedBody
from motionary.body.vertex_loop import blend, hung_on, in_lanes
from motionary.native import compiled, fits
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
    affine, model = posed.affine, posed.shaped.model
    size = min(FRAMES_AT_ONCE, len(affine))
    room = affine.new_empty(size, 3, model.num_vertices)
    side_by_side, looped = SideBySide(), fits(affine)
    skin = _skin_by_loop if looped else _skin
    shares = _shares(_sparse_chunks(model) if looped else _chunks(model), side_by_side.count)
    for maps, bend in zip(affine.split(size), posed.bend.split(size), strict=True):
        vertices = room[: len(maps)]
        ready = _in_blocks(maps, bend) if looped else _in_columns(maps, bend)
        list(side_by_side.map(partial(skin, vertices, *ready), shares))
        yield vertices.mT


def _in_columns(maps: Float[Tensor, "N 24 3 4"], bend: Float[Tensor, "N 207"]) -> tuple[Tensor, Tensor]:
    return maps.movedim(-3, -1).transpose(-3, -2).contiguous(), bend  # (N, 4, 3, 24)


def _in_blocks(maps: Float[Tensor, "N 24 3 4"], bend: Float[Tensor, "N 207"]) -> tuple[ndarray, Tensor]:
    """Rotations and offsets as `in_lanes`, and bends (208, N) with ones as the last."""
    ordered = torch.cat([maps[..., :3].flatten(2), maps[..., 3]], dim=-1)
    return in_lanes(ordered), torch.cat([bend.T, bend.new_ones(1, len(bend))])


SparseChunk = tuple[int, Tensor, ndarray, ndarray]
"""First vertex, correctives and template (3C, 208, or 1 without correctives), joints and weights (C, K)."""


@torch.inference_mode()
def _skin_by_loop(
    room: Float[Tensor, "N 3 V"],
    maps: Float[ndarray, "M 24 768"],
    bends: Float[Tensor, "208 N"],
    chunks: Sequence[SparseChunk],
) -> None:
    """Put the vertices of some chunks in their places."""
    places = room.numpy()
    for start, directions, joints, weights in chunks:
        rest = directions @ bends[-directions.shape[1] :]
        stop = start + len(joints)
        _put_vertices(rest.view(3, len(joints), -1).numpy(), maps, joints, weights, places[:, :, start:stop])


@compiled
def _put_vertices(rest, maps, joints, weights, places):
    """Vertices at rest (3, C, N), posed, to places (N, 3, C); the rest as in `vertex_loop.add_vertices`."""
    blended, posed = np.empty(12 * 64, np.float32), np.empty((rest.shape[1], 3 * 64), np.float32)
    for block in range(maps.shape[0]):
        start = block * 64
        count = min(64, rest.shape[2] - start)
        for vertex in range(rest.shape[1]):
            blend(maps[block], joints[vertex], weights[vertex], blended)
            x = rest[0, vertex][start : start + count]
            y = rest[1, vertex][start : start + count]
            z = rest[2, vertex][start : start + count]
            _turn(blended, x, y, z, posed[vertex])
        for n in range(count):
            for axis in range(3):
                for vertex in range(rest.shape[1]):
                    places[start + n, axis, vertex] = posed[vertex, axis * 64 + n]


@compiled
def _turn(maps, x, y, z, posed):
    """Rows x, y, z to the first entries of the three rows of 64 in posed."""
    for n in range(len(x)):
        posed[n] = maps[576 + n] + maps[n] * x[n] + maps[64 + n] * y[n] + maps[128 + n] * z[n]
        posed[64 + n] = maps[640 + n] + maps[192 + n] * x[n] + maps[256 + n] * y[n] + maps[320 + n] * z[n]
        posed[128 + n] = maps[704 + n] + maps[384 + n] * x[n] + maps[448 + n] * y[n] + maps[512 + n] * z[n]


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


def _shares(chunks: list[Any], count: int) -> list[list[Any]]:
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


def _sparse_chunks(model: BodyModel) -> list[SparseChunk]:
    """The same for the loop."""
    columns = model.v_template[..., None]
    if model.posedirs is not None:
        columns = torch.cat([model.posedirs, columns], dim=-1)
    joints, weights = hung_on(model.weights)
    found = []
    for start in range(0, model.num_vertices, VERTICES_AT_ONCE):
        rows = slice(start, start + VERTICES_AT_ONCE)
        directions = columns[rows].transpose(0, 1).flatten(0, 1)
        found.append((start, directions, joints[rows], weights[rows]))
    return found
