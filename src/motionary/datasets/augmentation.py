"""Motions as others might have performed them: mirrored, turned, at another speed, on another body.

All of it happens to windows of features while they are cut, where they lie, by numbers drawn from their
generator. Windows are numpy's arrays here and tensors on a GPU: what follows calls nothing of either library.
B windows, T frames.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from motionary.body.skeleton import MIRROR, NUM_JOINTS
from motionary.features import NUM_ROWS

MIRROR_ROWS = (*MIRROR, NUM_JOINTS)
"""Row of a mirrored window -> row it comes from; the root's path stays last."""
MIRROR_SIGNS = np.tile(np.array([1, -1, -1, -1, 1, 1], np.float32), (NUM_ROWS, 1))
"""Of the first two rows of diag(-1, 1, 1) R diag(-1, 1, 1); in the last row, of the root's path."""
MIRROR_SIGNS[NUM_JOINTS] = [-1, 1, 1, 1, 1, 1]


@dataclass(frozen=True)
class Augmentation:
    """How far windows may be varied; all off by default."""

    mirror: bool = False
    """Half of the windows are mirrored, and labelled by the data set's table of mirrored actions."""
    yaw_deg: float = 0.0
    """Turned about the vertical by up to so many degrees either way."""
    speed: float = 0.0
    """Performed up to this share faster, or slower by as large a factor."""
    shape: float = 0.0
    """On bodies up to this share larger or smaller: the root goes as much farther with the same angles."""

    def __post_init__(self) -> None:
        """Check that every amount can be meant."""
        for name, most in (("yaw_deg", 180.0), ("speed", 1.0), ("shape", 0.5)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"augment.{name} must be from 0 to {most:g}; got {getattr(self, name)}.")


@dataclass(frozen=True)
class Variation:
    """What is done to each of B windows."""

    mirrored: Bool[ndarray, "B"]
    yaw_rad: Float[ndarray, "B"]
    speed: Float[ndarray, "B"]
    """Factor; 2 takes half as long."""
    size: Float[ndarray, "B"]
    """Factor on the root's path."""

    @classmethod
    def none(cls, count: int) -> "Variation":
        """Windows as they were recorded."""
        return cls(np.zeros(count, bool), np.zeros(count), np.ones(count), np.ones(count))

    @classmethod
    def draw(cls, count: int, augmentation: Augmentation, rng: np.random.Generator) -> "Variation":
        """Four numbers for each window, whatever is switched on: switching one on does not change another."""
        coin, turn, tempo, size = rng.random((count, 4)).T
        return cls(
            mirrored=(coin < 0.5) & augmentation.mirror,
            yaw_rad=math.radians(augmentation.yaw_deg) * (2 * turn - 1),
            speed=(1 + augmentation.speed) ** (2 * tempo - 1),
            size=1 + augmentation.shape * (2 * size - 1),
        )


def mirror_features(
    features: Float[Any, "*B 25 6"], signs: Float[Any, "25 6"] = MIRROR_SIGNS
) -> Float[Any, "*B 25 6"]:
    """The mirror image across the x = 0 plane, as `Motion.mirror`, by `MIRROR_SIGNS` beside it."""
    return features[..., list(MIRROR_ROWS), :] * signs


def turn_features(
    features: Float[Any, "*B 25 6"], cosine: Float[Any, "*#B"], sine: Float[Any, "*#B"]
) -> None:
    """Turn features about the vertical, in place; a positive angle turns +z towards +x."""
    row_0, row_1 = features[..., 0, :3] * 1, features[..., 0, 3:]  # times 1: a copy
    for axis, (a, b) in enumerate(((1, 2), (2, 0), (0, 1))):  # of R_y(angle) @ R; the middle row stays
        row_2 = row_0[..., a] * row_1[..., b] - row_0[..., b] * row_1[..., a]
        features[..., 0, axis] = cosine * row_0[..., axis] + sine * row_2
    x, z = features[..., NUM_JOINTS, 0] * 1, features[..., NUM_JOINTS, 2] * 1
    features[..., NUM_JOINTS, 0] = cosine * x + sine * z
    features[..., NUM_JOINTS, 2] = cosine * z - sine * x


def blend_features(
    before: Float[Any, "*B 25 6"], after: Float[Any, "*B 25 6"], part: Float[Any, "*B"]
) -> Float[Any, "*B 25 6"]:
    """Features between two neighbouring frames: linear, with rotations made orthonormal again.

    Frames are a few degrees apart: there this is slerp to within a tenth of a degree.
    """
    mixed = before + part[..., None, None] * (after - before)
    first, second = mixed[..., :NUM_JOINTS, :3], mixed[..., :NUM_JOINTS, 3:]
    first /= _dot(first, first) ** 0.5
    second -= _dot(first, second) * first
    second /= _dot(second, second) ** 0.5
    return mixed


def _dot(a: Float[Any, "*B 3"], b: Float[Any, "*B 3"]) -> Float[Any, "*B 1"]:
    x, y, z = (a[..., axis] * b[..., axis] for axis in range(3))
    return (x + y + z)[..., None]
