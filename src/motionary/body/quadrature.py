"""A few hundred weighted vertices that stand for all of a body's in a squared error.

The mean squared error over all vertices, and its gradient, are sums over vertices of smooth functions of
where a vertex sits on the body. A quadrature rule, fitted once per body, gives such sums from few terms.
"""

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from scipy.optimize import nnls
from torch import Tensor

from motionary.atomic import write_atomically
from motionary.body.skeleton import NUM_JOINTS
from motionary.body.smpl import BodyModel
from motionary.rotations import axis_angle_to_matrix

NUM_VERTICES = 192
NUM_PAIRS = 48
"""Pairs of poses that the rule is fitted on."""
PULL = 0.05
"""How strongly vertices are held to the share of the body that is nearest to them."""
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Quadrature:
    """Vertices and what each counts; the counts sum to about one."""

    vertex_ids: Int[Tensor, "K"]
    counts: Float[Tensor, "K"]


def load_quadrature(body: BodyModel, cache: Path) -> Quadrature:
    """A body's rule out of a cache folder, fitted and put there at the first call."""
    path = cache / f"quadrature-{_digest(body)}.npz"
    if not path.is_file():
        rule, content = fit_quadrature(body), io.BytesIO()
        np.savez(content, vertex_ids=rule.vertex_ids.numpy(), counts=rule.counts.numpy())
        write_atomically(path, content.getvalue())
    with np.load(path) as stored:
        return Quadrature(torch.from_numpy(stored["vertex_ids"]), torch.from_numpy(stored["counts"]))


def fit_quadrature(body: BodyModel, num_vertices: int = NUM_VERTICES) -> Quadrature:
    """Choose vertices spread over the body, and weights that give errors and gradients of made-up poses.

    Args:
        body: On the CPU; in its mean shape.
        num_vertices: How many at most; some may count nothing and are left out.
    """
    spread = _spread_out(_places(body), min(num_vertices, body.num_vertices))
    share = np.bincount(_nearest(_places(body), spread), minlength=len(spread)) / body.num_vertices
    terms = np.concatenate([_terms(body, seed) for seed in range(NUM_PAIRS)])  # (R, V)
    wanted = terms.mean(1)
    pull = PULL * np.sqrt(len(terms) / len(spread)) / np.sqrt(share)
    counts, _ = nnls(
        np.concatenate([terms[:, spread], np.diag(pull)]), np.concatenate([wanted, pull * share])
    )
    used = counts > 0
    ids = torch.from_numpy(spread[used])
    return Quadrature(ids, torch.from_numpy(counts[used]).to(body.v_template.dtype))


def _places(body: BodyModel) -> Float[ndarray, "V P"]:
    """Where vertices sit: the joints that they hang on, and their place at rest in arm's lengths."""
    return torch.cat([body.weights, body.v_template / 0.5], dim=1).double().cpu().numpy()


def _spread_out(places: Float[ndarray, "V P"], count: int) -> Int[ndarray, "K"]:
    """Vertices far from one another: each is the farthest from those before it (Gonzalez 1985)."""
    chosen = [int(((places - places.mean(0)) ** 2).sum(1).argmin())]
    distance = np.full(len(places), np.inf)
    while len(chosen) < count:
        distance = np.minimum(distance, ((places - places[chosen[-1]]) ** 2).sum(1))
        chosen.append(int(distance.argmax()))
    return np.array(chosen)


def _nearest(places: Float[ndarray, "V P"], chosen: Int[ndarray, "K"]) -> Int[ndarray, "V"]:
    """Position in chosen of every vertex's nearest."""
    near = places[chosen]
    distance = (places**2).sum(1)[:, None] - 2 * places @ near.T + (near**2).sum(1)
    return distance.argmin(1)


@torch.no_grad()
def _terms(body: BodyModel, seed: int) -> Float[ndarray, "R V"]:
    """What each vertex adds to the error of one pair of poses, and to its derivative by every joint's turn.

    The error's mean is one, the derivatives' root mean square over the joints too.
    """
    generator = torch.Generator().manual_seed(seed)
    size = 0.1 + 0.5 * torch.rand((), generator=generator)
    target = size * torch.randn(NUM_JOINTS, 3, generator=generator)
    off = torch.rand((), generator=generator) * 0.4 * torch.randn(NUM_JOINTS, 3, generator=generator)
    turns = 1e-2 * torch.eye(NUM_JOINTS)[:, :, None] * torch.randn(NUM_JOINTS, 1, 3, generator=generator)
    poses = torch.cat([torch.stack([target, target + off]), target + off + turns])
    vertices = body.shape().pose(axis_angle_to_matrix(poses.to(body.v_template))).skin().double()
    apart = vertices[1] - vertices[0]
    error = (apart**2).sum(-1)
    slopes = (apart * (vertices[2:] - vertices[1])).sum(-1)  # (24, V)
    size_of_slope = slopes.mean(1).square().mean().sqrt()
    return torch.cat([error[None] / error.mean(), slopes / size_of_slope]).numpy()


def _digest(body: BodyModel) -> str:
    """What tells one body, and one way of fitting, from another."""
    digest = hashlib.sha256(f"{FORMAT_VERSION} {NUM_VERTICES} {NUM_PAIRS} {PULL}".encode())
    for array in (body.v_template, body.weights, body.posedirs):
        if array is not None:
            digest.update(array.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
