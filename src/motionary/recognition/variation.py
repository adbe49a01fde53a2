"""Motions as others might have performed and recorded them: what a recogniser should not mind.

B batch, T frames, J joints, F numbers per joint.
"""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from motionary.body.skeleton import MIRROR
from motionary.models.recognisers import turn
from motionary.models.stgcn import turn_rotations
from motionary.recognition.config import RecogniserTrainConfig
from motionary.rotations import axis_angle_to_matrix

MIRROR_SIGNS = (1.0, -1.0, -1.0, -1.0, 1.0, 1.0)
"""Of the first two rows of diag(-1, 1, 1) R diag(-1, 1, 1)."""


def vary_joints(
    joints: Float[Tensor, "B T 24 3"],
    mask: Bool[Tensor, "B T"],
    config: RecogniserTrainConfig,
    rng: np.random.Generator,
) -> Float[Tensor, "B T 24 3"]:
    """Motions as joint positions in metres, each varied in its own way."""
    count = len(joints)
    if config.mirror:
        mirrored = joints[:, :, list(MIRROR)] * torch.tensor([-1.0, 1.0, 1.0])
        joints = torch.where(torch.from_numpy(rng.random(count) < 0.5)[:, None, None, None], mirrored, joints)
    furthest = math.pi if config.facing == "as_recorded" else config.turn_rad
    joints = turn(joints, _uniform(rng, furthest, count))
    joints = at_tempo(joints, mask, _uniform(rng, config.tempo, count).exp())
    joints = joints * (1 + _uniform(rng, config.scale, count))[:, None, None, None]
    noise = rng.standard_normal(joints.shape, dtype=np.float32) * np.float32(config.noise_m)
    return joints + torch.from_numpy(noise)


def vary_rotations(
    rotations: Float[Tensor, "B T 24 6"],
    mask: Bool[Tensor, "B T"],
    config: RecogniserTrainConfig,
    rng: np.random.Generator,
) -> Float[Tensor, "B T 24 6"]:
    """The same of motions as rotations, which know nothing of a body's size."""
    count = len(rotations)
    if config.mirror:
        mirrored = rotations[:, :, list(MIRROR)] * torch.tensor(MIRROR_SIGNS)
        chosen = torch.from_numpy(rng.random(count) < 0.5)[:, None, None, None]
        rotations = torch.where(chosen, mirrored, rotations)
    furthest = math.pi if config.facing == "as_recorded" else config.turn_rad
    rotations = turn_rotations(rotations, _uniform(rng, furthest, count))
    rotations = at_tempo(rotations, mask, _uniform(rng, config.tempo, count).exp())
    rotations = _resting_otherwise(rotations, config.rest_rad, rng)
    noise = rng.standard_normal(rotations.shape, dtype=np.float32) * np.float32(config.noise_rotation)
    return rotations + torch.from_numpy(noise)


def _resting_otherwise(
    rotations: Float[Tensor, "B T 24 6"], rest_rad: float, rng: np.random.Generator
) -> Float[Tensor, "B T 24 6"]:
    """The same motions of people, or rigs, whose joints are turned a little when they call them at rest."""
    if not rest_rad:
        return rotations
    turned = rng.standard_normal((len(rotations), 24, 3), dtype=np.float32) * np.float32(rest_rad)
    R_rest = axis_angle_to_matrix(torch.from_numpy(turned))
    return (rotations.unflatten(-1, (2, 3)) @ R_rest[:, None]).flatten(-2)


def at_tempo(
    motions: Float[Tensor, "B T J F"], mask: Bool[Tensor, "B T"], tempo: Float[Tensor, "B"]
) -> Float[Tensor, "B T J F"]:
    """Motions played faster (tempo above 1) or slower from their first frame; the last real one is held."""
    last = mask.sum(1, keepdim=True) - 1
    position = torch.minimum(torch.arange(motions.shape[1]) * tempo[:, None], last)
    before = position.floor().long()
    after = torch.minimum(before + 1, last)
    part = (position - before)[..., None, None]
    row = torch.arange(len(motions))[:, None]
    return motions[row, before] * (1 - part) + motions[row, after] * part


def _uniform(rng: np.random.Generator, furthest: float, count: int) -> Float[Tensor, "B"]:
    return torch.from_numpy(rng.uniform(-furthest, furthest, count).astype(np.float32))
