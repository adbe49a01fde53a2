"""Where the ground is under a retargeted motion: where its feet stand."""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from torch import Tensor

from motionary.body.skeleton import JOINT_INDEX
from motionary.body.smpl import BodyModel, PosedBody
from motionary.motion import Motion

FEET = (("left_ankle", "left_foot"), ("right_ankle", "right_foot"))

STANDING_SPEED_M_S = 0.3
"""The sole of a standing foot rises and sinks no faster."""

STANDING_HEIGHT_M = 0.06
"""And is no higher above the lowest places it reaches."""


DEEPEST_JOINT_M = 0.15
"""Below the soles' ground: with a joint deeper than this it is not the feet that the person stands on."""


def with_feet_on_ground(motion: Motion, body: BodyModel) -> Motion:
    """The motion moved vertically so that its standing feet are at y = 0.

    Hands and back do not count, as they do in `Motion.on_ground`: on a body of other proportions than the
    performer's they reach a little into the floor when someone lies down or leans on it, and would lift the
    feet off it. Nor does a toe that points down for a moment. Of a handstand the ground is `on_ground`'s.
    """
    feet = [foot_vertices(body, foot) for foot in FEET]

    def lowest(posed: PosedBody) -> ndarray:
        points = [*(posed.skin(foot) for foot in feet), posed.joints]
        return torch.stack([some[..., 1].amin(-1) for some in points], dim=1).numpy()

    heights_m = motion.by_frame(body, lowest)  # of both soles, and of the lowest joint
    seen = motion.valid if motion.valid.any() else np.ones(len(motion), bool)
    ground_m = ground_height(heights_m[:, :-1], motion.fps, seen)
    if np.percentile(heights_m[seen, -1], 5) < ground_m - DEEPEST_JOINT_M:
        return motion.on_ground(body)
    return replace(motion, translation=motion.translation - np.array([0, ground_m, 0], np.float32))


def ground_height(soles_m: Float[ndarray, "T F"], fps: float, seen: Bool[ndarray, "T"]) -> float:
    """Median height of the soles that stand, in metres; the lowest where none does.

    Args:
        soles_m: Height of each foot's lowest point.
        fps: Frames per second.
        seen: The frames that count, at least one.
    """
    low = np.percentile(soles_m[seen].min(1), 5)
    speed = np.abs(np.gradient(soles_m, axis=0)) * fps if len(soles_m) > 1 else np.zeros_like(soles_m)
    stands = (speed < STANDING_SPEED_M_S) & (soles_m < low + STANDING_HEIGHT_M) & seen[:, None]
    return float(np.median(soles_m[stands]) if stands.any() else low)


def foot_vertices(body: BodyModel, foot: tuple[str, ...]) -> Int[Tensor, "K"]:
    """Vertices that hang mostly on these joints."""
    columns = [JOINT_INDEX[name] for name in foot]
    return torch.nonzero(body.weights[:, columns].sum(-1) > 0.5)[:, 0]
