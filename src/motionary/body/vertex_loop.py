"""What `vertex_error` does between its two products of matrices, as one compiled loop for CPUs.

Sixty-four frames of a vertex go through everything, error and gradient, in the first level of cache: torch's
operations write and read a vertex's nine blended numbers several times.
"""

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor
from torch.nn import functional

from motionary.native import compiled

LANES = 64
"""Frames at a time; written out in the loop, which is vectorised because its strides are constants."""


class CompiledFrames:
    """Poses of N frames, the targets' after them, and the gradient for the former; float32 on a CPU."""

    def __init__(self, affine: list[Tensor], bend: list[Tensor], gradient: bool) -> None:
        own, target = affine
        bends = torch.cat(bend).T
        shift = (own - target)[..., 3]
        maps = torch.cat([own[..., :3].flatten(2), target[..., :3].flatten(2), shift], dim=-1)  # (N, 24, 21)
        self.num_frames = len(own)
        self.maps = in_lanes(maps.detach())
        self.bends = torch.cat([bends, bends.new_ones(1, bends.shape[1])])  # (208, 2N)
        self.gradient = gradient
        self._to_maps = np.zeros((len(self.maps), self.maps.shape[1], 12 * LANES), np.float32)
        self.to_bends = self.bends.new_zeros(len(self.bends), self.num_frames)

    def add_chunk(
        self,
        joints: Int[ndarray, "C K"],
        weights: Float[ndarray, "C K"],
        directions: Float[Tensor, "3*C 208"],
        scale: float,
    ) -> float:
        """Error of a chunk of vertices; see `add_vertices`."""
        rest = directions @ self.bends
        places = rest.numpy().reshape(3, len(weights), -1)
        slope = np.float32(2 * scale)
        error = add_vertices(places, self.maps, joints, weights, self._to_maps, slope, self.gradient)
        if self.gradient:
            self.to_bends.addmm_(directions.T, rest[:, : self.num_frames])
        return error * scale

    def to_affine(self) -> Float[Tensor, "N 24 3 4"]:
        """Gradient for the affine maps."""
        rows = torch.from_numpy(self._to_maps).unflatten(-1, (12, LANES))
        rows = rows.permute(0, 3, 1, 2).flatten(0, 1)[: self.num_frames]  # (N, 24, 12)
        return torch.cat([rows[..., :9].unflatten(-1, (3, 3)), rows[..., 9:, None]], dim=-1)


def in_lanes(rows: Float[Tensor, "N 24 R"]) -> Float[ndarray, "M 24 64*R"]:
    """Numbers of every joint with the frames innermost, in M blocks of 64; what is over is zero."""
    rows = functional.pad(rows, (0, 0, 0, 0, 0, -len(rows) % LANES))
    return rows.unflatten(0, (-1, LANES)).permute(0, 2, 3, 1).flatten(2).contiguous().numpy()


def hung_on(weights: Float[Tensor, "V 24"]) -> tuple[Int[ndarray, "V K"], Float[ndarray, "V K"]]:
    """The joints that each vertex hangs on, most strongly first, and how strongly; K as many as any has."""
    most = max(1, int((weights > 0).sum(1).max()))
    strongest, joints = weights.cpu().topk(most, dim=1)
    return joints.numpy(), strongest.numpy()


@compiled
def add_vertices(rest, maps, joints, weights, to_maps, slope, gradient):
    """Sum of squared distances of some vertices in all frames.

    Args:
        rest: (3, C, 2N), vertices at rest, of the targets after the others'; with a gradient, slope / 2 times
            the sum's derivative by the former takes their place.
        maps: (blocks, 24, 21 * 64), for 64 frames each: rotations, targets' rotations, and shifts apart.
        joints: (C, K), joints that a vertex hangs on.
        weights: (C, K), how strongly, most strongly first; zero from where there are no more.
        to_maps: (blocks, 24, 12 * 64), to which the same share of the derivative by rotations and shifts is
            added.
        slope: Twice what the sum counts.
        gradient: Whether one is asked for.
    """
    num_frames = rest.shape[2] // 2
    blended, outer = np.empty(21 * 64, np.float32), np.empty(12 * 64, np.float32)
    place, back = np.zeros(6 * 64, np.float32), np.empty(3 * 64, np.float32)
    total = 0.0
    for block in range(maps.shape[0]):
        start = block * 64
        count = min(64, num_frames - start)
        for vertex in range(rest.shape[1]):
            blend(maps[block], joints[vertex], weights[vertex], blended)
            for axis in range(3):
                here, there = place[axis * 64 : axis * 64 + 64], place[192 + axis * 64 : 256 + axis * 64]
                own = rest[axis, vertex][start : start + count]
                target = rest[axis, vertex][num_frames + start : num_frames + start + count]
                for n in range(count):
                    here[n] = own[n]
                for n in range(count):
                    there[n] = target[n]
            total += _add_apart(blended, place, outer)
            if not gradient:
                continue
            _turn_back(blended, place, outer, back)
            for axis in range(3):
                here, own = back[axis * 64 : axis * 64 + 64], rest[axis, vertex][start : start + count]
                for n in range(count):
                    own[n] = slope * here[n]
            for k in range(joints.shape[1]):
                weight = slope * weights[vertex, k]
                if weight == 0:
                    break
                row = to_maps[block, joints[vertex, k]]
                for n in range(12 * 64):
                    row[n] += weight * outer[n]
    return total


@compiled
def blend(maps, joints, weights, blended):
    """Add up rows of maps (24, R), of the joints (K,) that a vertex hangs on, by its weights, to (R,)."""
    weight, row = weights[0], maps[joints[0]]
    for n in range(len(blended)):
        blended[n] = weight * row[n]
    for k in range(1, len(joints)):
        weight = weights[k]
        if weight == 0:
            break
        row = maps[joints[k]]
        for n in range(len(blended)):
            blended[n] += weight * row[n]


@compiled
def _add_apart(maps, place, apart):
    """Sum of squares of how far apart a vertex is in 64 frames; that goes to the last three rows of apart."""
    total = np.float32(0)
    for n in range(64):
        x, y, z = place[n], place[64 + n], place[128 + n]
        x_, y_, z_ = place[192 + n], place[256 + n], place[320 + n]
        a = maps[1152 + n] + maps[n] * x + maps[64 + n] * y + maps[128 + n] * z
        b = maps[1216 + n] + maps[192 + n] * x + maps[256 + n] * y + maps[320 + n] * z
        c = maps[1280 + n] + maps[384 + n] * x + maps[448 + n] * y + maps[512 + n] * z
        a -= maps[576 + n] * x_ + maps[640 + n] * y_ + maps[704 + n] * z_
        b -= maps[768 + n] * x_ + maps[832 + n] * y_ + maps[896 + n] * z_
        c -= maps[960 + n] * x_ + maps[1024 + n] * y_ + maps[1088 + n] * z_
        apart[576 + n], apart[640 + n], apart[704 + n] = a, b, c
        total += a * a + b * b + c * c
    return total


@compiled
def _turn_back(maps, place, outer, back):
    """Derivatives of half that sum: by the rotations, before what was apart, and by the places at rest."""
    for n in range(64):
        x, y, z = place[n], place[64 + n], place[128 + n]
        a, b, c = outer[576 + n], outer[640 + n], outer[704 + n]
        outer[n], outer[64 + n], outer[128 + n] = a * x, a * y, a * z
        outer[192 + n], outer[256 + n], outer[320 + n] = b * x, b * y, b * z
        outer[384 + n], outer[448 + n], outer[512 + n] = c * x, c * y, c * z
        back[n] = maps[n] * a + maps[192 + n] * b + maps[384 + n] * c
        back[64 + n] = maps[64 + n] * a + maps[256 + n] * b + maps[448 + n] * c
        back[128 + n] = maps[128 + n] * a + maps[320 + n] * b + maps[512 + n] * c
