"""Feet on the ground: where it is, and a path of the root on which standing feet stay where they stand.

A network decodes rotations and the root's path apart, so that feet which should stand slide. The root is
moved as if they held on to the ground.

B motions, T frames. Joints are SMPL's, in metres, y up.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from motionary.body.skeleton import JOINT_INDEX

FEET = (JOINT_INDEX["left_foot"], JOINT_INDEX["right_foot"])
"""The balls of the feet, which touch the ground in most ways of standing."""

CONTACT_HEIGHT_M = 0.05
"""A foot below this height above the ground counts as touching it (Karunratanakul et al. 2023, GMD,
arXiv:2305.12577)."""

CONTACT_BLUR_M = 0.01
"""Around that height, standing fades into not standing."""

SLIDING_SPEED_M_S = 0.6
"""A foot that moves at this speed while it touches the ground is half taken for one that means to."""

SMOOTHING_S = 0.05
"""The root takes this time, a standard deviation, to follow the feet: it is heavy."""

HOLD = 0.1
"""A foot that stands by this share moves the root half as much as would keep it in place."""


def ground_height(joints: Float[Tensor, "*B T 24 3"]) -> Float[Tensor, "*B"]:
    """Where the ground most probably is, in metres: the median over the frames of the lower foot's height.

    For motions that were not recorded with their ground, generated ones among them. The lowest foot of all
    frames would hide every penetration. NaN frames do not count.
    """
    return joints[..., FEET, 1].amin(-1).nanmedian(-1).values


def planting(
    joints: Float[Tensor, "B T 24 3"], fps: float, real: Bool[Tensor, "B T"]
) -> Float[Tensor, "B T 3"]:
    """How far to move every frame, level, for its standing feet to stay in place; zero in the first frame.

    A foot stands by a share between 0 and 1: the more, the lower and the slower it is. In each step the root
    goes against the mean way of the feet that stand; these ways are smoothed and add up. Heights stay.

    Args:
        joints: Positions along the root's own path.
        fps: Frames per second.
        real: False where joints mean nothing; such frames are not moved, and move none.
    """
    if joints.shape[1] < 2:  # without a step
        return torch.zeros_like(joints[:, :, 0])
    ground_m = ground_height(joints.where(real[..., None, None], torch.nan))
    feet = joints[:, :, FEET]
    heights = feet[..., 1] - ground_m[:, None, None]
    height = torch.maximum(heights[:, 1:], heights[:, :-1])  # of both ends of a step
    speed = feet[..., [0, 2]].diff(dim=1) * fps
    stands = torch.sigmoid((CONTACT_HEIGHT_M - height) / CONTACT_BLUR_M)
    stands = stands * torch.exp2(-(speed / SLIDING_SPEED_M_S).square().sum(-1))
    counted = (real[:, 1:] & real[:, :-1])[..., None]
    stands, speed = stands.where(counted, 0.0), speed.where(counted[..., None], 0.0)
    against = -(stands[..., None] * speed).sum(2) / (stands.sum(2, keepdim=True) + HOLD)
    steps = _smoothed(against, counted.to(speed.dtype), SMOOTHING_S * fps) / fps
    way = functional.pad(steps.cumsum(1), (0, 0, 1, 0))
    return torch.stack([way[..., 0], torch.zeros_like(way[..., 0]), way[..., 1]], dim=-1) * real[..., None]


def _smoothed(
    values: Float[Tensor, "B T K"], counted: Float[Tensor, "B T 1"], deviation: float
) -> Float[Tensor, "B T K"]:
    """Gaussian means over time, in frames, of what is counted; zero where nothing is."""
    reach = max(1, round(3 * deviation))
    offsets = torch.arange(-reach, reach + 1, device=values.device, dtype=values.dtype)
    kernel = torch.exp(-0.5 * (offsets / deviation).square())

    def sums(rows: Tensor) -> Tensor:
        padded = functional.pad(rows, (0, 0, reach, reach))
        return padded.unfold(1, len(kernel), 1) @ kernel

    return counted * sums(values) / sums(counted).clamp(min=1e-6)
