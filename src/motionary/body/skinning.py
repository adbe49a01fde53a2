"""Vertices of many frames, some at a time, in memory that is used again and again.

In float32 on a CPU a compiled loop takes sixteen vertices in 64 frames through everything in the first levels
of cache: bends them at rest, blends the maps of the few joints that each hangs on, turns them, and lays them
out as asked for.

N frames, V vertices, C of a share, K joints that a vertex hangs on, D pose correctives and the template.
P and W are N and V or more: the loop fills whole blocks.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor
from torch.nn import functional

from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel, PosedBody
from motionary.body.vertex_loop import LANES, blend, hung_on, in_lanes
from motionary.native import Imported, compiled, fits
from motionary.threads import SideBySide

FRAMES_AT_ONCE = 256
VERTICES_AT_ONCE = 512
"""Without the loop: twelve numbers of so many vertices in so many frames are 6 MB, which stay in cache."""
VERTICES_IN_LOOP = 16
"""Written out in the loop, as are its 64 frames."""
multiply_tile = Imported("motionary.tiles", "multiply_tile")
transpose_tile = Imported("motionary.tiles", "transpose_tile")


@torch.inference_mode()
def stream_vertices(posed: PosedBody) -> Iterator[Float[Tensor, "N V 3"]]:
    """Vertices in metres of all frames, in order.

    Args:
        posed: The mean-shaped body in (F,) frames.

    Yields:
        The next frames' vertices, to be used or copied before the next are asked for: they take their place.
    """
    affine, model = posed.affine, posed.shaped.model
    size, num_vertices = min(FRAMES_AT_ONCE, len(affine)), model.num_vertices
    side_by_side, looped = SideBySide(), fits(affine)
    ready, skin = (_in_blocks, _skin_by_loop) if looped else (_in_columns, _skin)
    shares = _loop_shares(model, side_by_side.count) if looped else _shares(model, side_by_side.count)
    room = affine.new_empty(size + -size % LANES, 3, num_vertices + -num_vertices % VERTICES_IN_LOOP)
    for maps, bend in zip(affine.split(size), posed.bend.split(size), strict=True):
        list(side_by_side.map(partial(skin, room, *ready(maps, bend)), shares))
        yield room[: len(maps), :, :num_vertices].mT


def _in_columns(maps: Float[Tensor, "N 24 3 4"], bend: Float[Tensor, "N 207"]) -> tuple[Tensor, Tensor]:
    return maps.movedim(-3, -1).transpose(-3, -2).contiguous(), bend  # (N, 4, 3, 24)


def _in_blocks(maps: Float[Tensor, "N 24 3 4"], bend: Float[Tensor, "N 207"]) -> tuple[ndarray, ndarray]:
    """Rotations and offsets as `in_lanes`, and bends with ones as the last, (M, 208, 16): 16 frames each."""
    ordered = torch.cat([maps[..., :3].flatten(2), maps[..., 3]], dim=-1)
    bends = functional.pad(
        torch.cat([bend, bend.new_ones(len(bend), 1)], dim=1), (0, 0, 0, -len(bend) % LANES)
    )
    return in_lanes(ordered), bends.unflatten(0, (-1, 16)).mT.contiguous().numpy()


LoopShare = tuple[int, ndarray, ndarray, ndarray]
"""First vertex, correctives and template (C/2, D, 6) of two vertices each, joints and weights (C, K)."""


@torch.inference_mode()
def _skin_by_loop(
    room: Float[Tensor, "P 3 W"],
    maps: Float[ndarray, "M 24 768"],
    bends: Float[ndarray, "4*M 208 16"],
    share: LoopShare,
) -> None:
    """Put the vertices of a share in their places."""
    first, directions, joints, weights = share
    places = room[:, :, first : first + len(joints)].numpy()
    _put_vertices(directions, bends[:, -directions.shape[1] :], maps, joints, weights, places)


@compiled
def _put_vertices(directions, bends, maps, joints, weights, places):
    """Vertices, posed, to places (N, 3, C); the rest as in `LoopShare` and `_in_blocks`."""
    depth, frame = directions.shape[1], places.strides[0] // 4
    rest, posed = np.empty((48, 64), np.float32), np.empty((16, 192), np.float32)
    blended, none = np.empty(12 * 64, np.float32), np.zeros(16, np.float32)
    for vertex in range(0, len(joints), 16):
        for block in range(len(maps)):
            for column in range(4):
                bend = bends[4 * block + column].ctypes.data
                for pair in range(8):
                    rows = directions[vertex // 2 + pair].ctypes.data
                    to = rest[6 * pair, 16 * column :].ctypes.data
                    multiply_tile(rows, 1, 6, bend, none.ctypes.data, 0, to, 64, depth)
            for n in range(16):
                blend(maps[block], joints[vertex + n], weights[vertex + n], blended)
                _turn(blended, rest[3 * n], rest[3 * n + 1], rest[3 * n + 2], posed[n])
            for row in range(3):
                for n in range(0, 64, 8):
                    to = places[64 * block + n, row, vertex:].ctypes.data
                    transpose_tile(posed[0, 64 * row + n :].ctypes.data, 192, to, frame)
                    transpose_tile(posed[8, 64 * row + n :].ctypes.data, 192, to + 32, frame)


@compiled
def _turn(maps, x, y, z, posed):
    """Rows x, y, z to the three rows of 64 in posed."""
    for n in range(64):
        posed[n] = maps[576 + n] + maps[n] * x[n] + maps[64 + n] * y[n] + maps[128 + n] * z[n]
        posed[64 + n] = maps[640 + n] + maps[192 + n] * x[n] + maps[256 + n] * y[n] + maps[320 + n] * z[n]
        posed[128 + n] = maps[704 + n] + maps[384 + n] * x[n] + maps[448 + n] * y[n] + maps[512 + n] * z[n]


Chunk = tuple[int, Tensor, Tensor, Tensor]
"""First vertex, template (3C,), pose correctives (207 or 0, 3C) and skinning weights (24, C)."""


@torch.inference_mode()
def _skin(
    room: Float[Tensor, "P 3 W"],
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
        room[: len(maps), :, start : start + weights.shape[1]] = points


def _shares(model: BodyModel, count: int) -> list[list[Chunk]]:
    """The body in chunks that stay in cache, dealt out."""
    found = []
    for start in range(0, model.num_vertices, VERTICES_AT_ONCE):
        rows = slice(start, start + VERTICES_AT_ONCE)
        template = model.v_template[rows].T.flatten()
        directions = template.new_empty(0, len(template))
        if model.posedirs is not None:
            directions = model.posedirs[rows].permute(2, 1, 0).flatten(1)
        found.append((start, template, directions, model.weights[rows].T.contiguous()))
    return [found[first::count] for first in range(count)]


def _loop_shares(model: BodyModel, count: int) -> list[LoopShare]:
    """The body in as many parts, of sixteens of vertices; what is over hangs on nothing."""
    columns = model.v_template[..., None]
    if model.posedirs is not None:
        columns = torch.cat([model.posedirs, columns], dim=-1)
    more = -len(columns) % VERTICES_IN_LOOP
    directions = functional.pad(columns, (0, 0, 0, 0, 0, more)).reshape(-1, 6, columns.shape[-1])
    panels = directions.mT.contiguous().numpy()
    joints, weights = (np.pad(rows, ((0, more), (0, 0))) for rows in hung_on(model.weights))
    each = -(-len(joints) // VERTICES_IN_LOOP // count) * VERTICES_IN_LOOP
    parts = [slice(first, first + each) for first in range(0, len(joints), each)]
    pairs = [slice(part.start // 2, part.stop // 2) for part in parts]
    return [
        (part.start, panels[pair], joints[part], weights[part])
        for part, pair in zip(parts, pairs, strict=True)
    ]
