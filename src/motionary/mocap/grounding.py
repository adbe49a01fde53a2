"""Where the ground is under a retargeted motion: where its feet stand."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from torch import Tensor

from motionary.body.skeleton import JOINT_INDEX
from motionary.body.smpl import BodyModel
from motionary.motion import Motion

FEET = (("left_ankle", "left_foot"), ("right_ankle", "right_foot"))

STANDING_SPEED_M_S = 0.3
"""The sole of a standing foot rises and sinks no faster."""

STANDING_HEIGHT_M = 0.06
"""And is no higher above the lowest places it reaches."""


def with_feet_on_ground(motion: Motion, body: BodyModel) -> Motion:
    """The motion moved vertically so that its standing feet are at y = 0.

    Hands and back do not count, as they do in `Motion.on_ground`: on a body of other proportions than the
    performer's they reach a little into the floor when someone lies down or leans on it, and would lift the
    feet off it.
    """
    posed = motion.posed(body)
    soles = np.stack(
        [posed.skin(foot_vertices(body, foot))[..., 1].amin(-1).numpy() for foot in FEET], axis=1
    )
    shift = np.array([0, ground_height(soles, motion.fps), 0], np.float32)
    return replace(motion, translation=motion.translation - shift)


def ground_height(soles_m: Float[ndarray, "T F"], fps: float) -> float:
    """Median height of the soles that stand, in metres; the lowest where none does.

    Args:
        soles_m: Height of each foot's lowest point.
        fps: Frames per second.
    """
    low = np.percentile(soles_m.min(1), 5)
    speed = np.abs(np.gradient(soles_m, axis=0)) * fps
    stands = (speed < STANDING_SPEED_M_S) & (soles_m < low + STANDING_HEIGHT_M)
    return float(np.median(soles_m[stands]) if stands.any() else low)


def foot_vertices(body: BodyModel, foot: tuple[str, ...]) -> Int[Tensor, "K"]:
    """Vertices that hang mostly on these joints."""
    columns = [JOINT_INDEX[name] for name in foot]
    return torch.nonzero(body.weights[:, columns].sum(-1) > 0.5)[:, 0]
