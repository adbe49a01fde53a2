"""What speaks against single frames of one person: in the picture, in the landmarks, in the motion.

Every doubt is a number per frame: 0 where all is as usual, 1 where it is enough to fail the frame alone.
Doubts measured against the clip itself take its better frames nearby as the usual ones.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.ndimage import maximum_filter1d, median_filter, percentile_filter

from motionary.body.limits import beyond_limits
from motionary.estimators.cleaning import OTHER_SIDE, TORSO
from motionary.estimators.landmarks import LANDMARK_INDEX, Doubts, Landmarks
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_matrix, geodesic_distance
from motionary.stretches import frame_by_frame

LIMBS = [
    (LANDMARK_INDEX[f"{side}_{start}"], LANDMARK_INDEX[f"{side}_{end}"])
    for side in ("left", "right")
    for start, end in (
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("hip", "knee"),
        ("knee", "ankle"),
        ("shoulder", "hip"),
    )
]
"""Ends of rigid bones."""

EVERYDAY = 0.25
"""Doubt that is usual, and does not add up."""

AROUND_STILL = 6
"""Frames before and after one that stands still in which the speed is measured."""


@dataclass(frozen=True)
class LandmarkDoubtConfig:
    """How much of each is enough to fail a frame. Chosen in benchmarks/quality.py."""

    usual_s: float = 1.0
    """The usual is that of the better frames within this time before and after."""
    blur: float = 0.65
    """Loss of detail: natural logarithm of the usual sharpness over the frame's."""
    unsure: float = 1.6
    """Loss of certainty in logits."""
    hidden: float = 0.5
    """Loss of mean visibility."""
    least_certainty: float = -0.5
    """Certainty below which landmarks are hardly better than a guess, whatever is usual."""
    jump_heights: float = 0.05
    """Mean distance of landmarks from the middle between the frames before and after, in body heights,"""
    jump_heights_s2: float = 12.0
    """and more, the further apart frames are: half the hardest acceleration of a whole body."""
    bones: float = 0.25
    """Mean change of bones' lengths: natural logarithm."""
    flip: float = 3.0
    """How much better the landmarks go on from the frame before with left and right exchanged: logarithm.
    Much is allowed, since exchanged landmarks are exchanged back."""
    isolated: float = 2.5
    """A picture that stood still ends in a step so many times those beside it,"""
    catching_up: float = 2.5
    """which makes up for what was missed within this factor."""
    longest_still_s: float = 0.5
    """Nothing longer is taken for a picture that stood still,"""
    still_share: float = 0.6
    """nor what moves more than this share of what it does before and after."""


def doubts_of_landmarks(
    times_s: Float[ndarray, "T"], sightings: list[Landmarks], config: LandmarkDoubtConfig
) -> Doubts:
    """What speaks against sightings of one person.

    Args:
        times_s: When they were made, increasing.
        sightings: As many.
        config: How much is too much.
    """
    image_px = np.stack([sighting.image_px for sighting in sightings])
    world_m = np.stack([sighting.world_m for sighting in sightings])
    visibility = np.array([sighting.visibility.mean() for sighting in sightings])
    certainty = np.array([sighting.certainty for sighting in sightings])
    sharpness = np.log([max(sighting.sharpness, 0.05) for sighting in sightings])
    step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else 1.0
    around = max(round(config.usual_s / step_s), 1)
    at_a_loss = np.clip(config.least_certainty + 1 - certainty, 0, None)
    doubts = {
        "blurred picture": _drop(sharpness, around) / config.blur,
        "unsure landmarks": np.maximum(_drop(certainty, around) / config.unsure, at_a_loss),
        "hidden landmarks": _drop(visibility, around) / config.hidden,
        "bones change length": _bones(world_m) / config.bones,
        "left and right exchanged": _flips(image_px) / config.flip,
    }
    doubts = {reason: np.nan_to_num(np.clip(doubt, 0, 3)) for reason, doubt in doubts.items()}
    # A jump speaks against both its ends, so frames that failed already are left out.
    left = np.flatnonzero(total(doubts) < 1)
    courses = {"landmarks jump": _jumps, "picture stands still": _stuck}
    points = _named_alike(image_px[left]) / height_px(image_px)
    for reason, measure in courses.items():
        doubts[reason] = np.zeros(len(times_s))
        doubts[reason][left] = np.clip(measure(times_s[left], points, config), 0, 3)
    return doubts


@dataclass(frozen=True)
class MotionDoubtConfig:
    """How much of each is enough to fail a frame."""

    turn_rad_s: float = 30.0
    """Speed of a joint's angle: arms are thrown at up to about this, everything else is slower."""
    root_turn_rad_s: float = 22.0
    """The same of the whole body: fast twists make three and a half turns a second."""
    root_m_s2: float = 150.0
    """Acceleration of the root."""
    root_off_m: float = 0.1
    """Distance of the root from its median over five frames,"""
    root_off_m_s: float = 6.0
    """and more, the further apart frames are."""
    beyond: float = 5.0
    """Joints bent further than joints go."""
    off_share: float = 0.12
    """Mean distance of the body's joints from the landmarks, in body heights, above the usual."""


def doubts_of_motion(motion: Motion, config: MotionDoubtConfig) -> Doubts:
    """What speaks against frames of a motion, whatever it was estimated from."""
    joints = whole = np.zeros(len(motion))
    if len(motion) > 1:
        turned = motion.fps * frame_by_frame(_angles_between, motion.pose[1:], motion.pose[:-1])
        joints, whole = _either_side(turned[:, 1:].max(1)), _either_side(turned[:, 0])
    doubts = {
        "joints turn too fast": joints / config.turn_rad_s,
        "body turns too fast": whole / config.root_turn_rad_s,
        "position jumps": _position_jumps(motion, config),
        "joints beyond their limits": frame_by_frame(_beyond_limits, motion.pose) / config.beyond,
    }
    return {reason: np.clip(doubt, 0, 3) for reason, doubt in doubts.items()}


def _angles_between(pose: Float[ndarray, "T 24 3"], other: Float[ndarray, "T 24 3"]) -> ndarray:
    a, b = (axis_angle_to_matrix(torch.from_numpy(rows)) for rows in (pose, other))
    return geodesic_distance(a, b).numpy()


def _beyond_limits(pose: Float[ndarray, "T 24 3"]) -> Int[ndarray, "T"]:
    return beyond_limits(axis_angle_to_matrix(torch.from_numpy(pose))).sum(-1).numpy()


def doubts_of_projection(
    off_heights: Float[ndarray, "T"], valid: Bool[ndarray, "T"], config: MotionDoubtConfig
) -> Doubts:
    """What the distance of the body from the landmarks in the picture says against frames.

    Args:
        off_heights: That distance in body heights; NaN where it is not known.
        valid: Frames that count.
        config: How much is too much.
    """
    known = valid & np.isfinite(off_heights)
    if not known.any():
        return {}
    above = off_heights - np.median(off_heights[known])
    return {"body off the landmarks": np.where(known, np.clip(above / config.off_share, 0, 3), 0.0)}


def height_px(image_px: Float[ndarray, "T 33 2"]) -> float:
    """The person's size in the picture: the longer side of the landmarks' box, usually."""
    return float(np.median(np.ptp(image_px, axis=1).max(-1))) + 1e-6


def total(doubts: Doubts) -> Float[ndarray, "T"]:
    """All doubts of each frame together: the root of the sum of the squares of what exceeds the everyday."""
    beyond = [np.clip((doubt - EVERYDAY) / (1 - EVERYDAY), 0, None) for doubt in doubts.values()]
    return np.sqrt(np.sum(np.square(beyond), axis=0))


def _drop(values: Float[ndarray, "T"], around: int) -> Float[ndarray, "T"]:
    """How far each frame is below the better quarter of those around it."""
    return percentile_filter(values, 75, size=2 * around + 1, mode="nearest") - values


def _named_alike(image_px: Float[ndarray, "T 33 2"]) -> Float[ndarray, "T 33 2"]:
    """The landmarks, mirrored where the torso then goes on better from the frame before."""
    alike = image_px.copy()
    for t in range(1, len(alike)):
        off = [
            np.linalg.norm(image_px[t, names] - alike[t - 1, TORSO], axis=-1).sum()
            for names in (TORSO, OTHER_SIDE[TORSO])
        ]
        if off[1] < off[0]:
            alike[t] = image_px[t, OTHER_SIDE]
    return alike


def _jumps(
    times_s: Float[ndarray, "T"], points: Float[ndarray, "T 33 2"], config: LandmarkDoubtConfig
) -> Float[ndarray, "T"]:
    """How far landmarks, in body heights, are from the middle between the frames before and after.

    The worst are left out before the others are measured again, since a jump shows in its neighbours too.
    """
    jumps, left = np.zeros(len(times_s)), np.arange(len(times_s))
    while len(left) >= 3:
        off = _off_middle(times_s[left], points[left], config)
        worst = (off >= 1) & (off >= maximum_filter1d(off, 3))
        jumps[left] = off
        if not worst.any():
            break
        left = left[~worst]
    return jumps


def _off_middle(
    times_s: Float[ndarray, "T"], points: Float[ndarray, "T 33 2"], config: LandmarkDoubtConfig
) -> Float[ndarray, "T"]:
    share = ((times_s[1:-1] - times_s[:-2]) / (times_s[2:] - times_s[:-2]))[:, None, None]
    off = np.linalg.norm(points[1:-1] - points[:-2] * (1 - share) - points[2:] * share, axis=-1).mean(1)
    step_s = np.maximum(times_s[2:] - times_s[1:-1], times_s[1:-1] - times_s[:-2])
    return np.pad(off / (config.jump_heights + config.jump_heights_s2 * step_s**2), 1)


def _stuck(
    times_s: Float[ndarray, "T"], points: Float[ndarray, "T 33 2"], config: LandmarkDoubtConfig
) -> Float[ndarray, "T"]:
    """1 where nothing moves before a single step that makes up for it: the picture stood still."""
    stuck = np.zeros(len(points))
    if len(points) < 4:
        return stuck

    def moved(a: int, b: int) -> float:
        return float(np.median(np.linalg.norm(points[b] - points[a], axis=-1)))

    steps = np.median(np.linalg.norm(np.diff(points, axis=0), axis=-1), axis=-1)  # steps[t]: from t to t + 1
    step_s = float(np.median(np.diff(times_s)))
    longest = round(config.longest_still_s / step_s)
    for t in range(1, len(steps) - 1):
        isolated = steps[t] > config.isolated * max(steps[t - 1], steps[t + 1])
        if not isolated or times_s[t + 1] - times_s[t] > 1.5 * step_s:
            continue
        start = t
        while start > max(t - longest, 0) and moved(start - 1, t) < steps[t] / config.isolated / 2:
            start -= 1
        before, after = max(start - AROUND_STILL, 0), min(t + 1 + AROUND_STILL, len(steps))
        speeds = [moved(a, b) / (b - a) for a, b in ((before, start), (t + 1, after)) if b - a > 1]
        missed = (t - start + 1) * max(speeds, default=0.0)
        around = np.concatenate([steps[before:start], steps[t + 1 : after]])
        still = start < t and np.median(steps[start:t]) < config.still_share * np.median(around)
        if still and missed / config.catching_up < steps[t] < missed * config.catching_up:
            stuck[start + 1 : t + 1] = 1
    return stuck


def _bones(world_m: Float[ndarray, "T 33 3"]) -> Float[ndarray, "T"]:
    start, end = np.array(LIMBS).T
    lengths = np.linalg.norm(world_m[:, end] - world_m[:, start], axis=-1) + 1e-3
    return np.abs(np.log(lengths / np.median(lengths, axis=0))).mean(1)


def _flips(image_px: Float[ndarray, "T 33 2"]) -> Float[ndarray, "T"]:
    """Into and out of frames whose torso goes on from its neighbour's better when mirrored."""
    torso, mirrored = image_px[:, TORSO], image_px[:, OTHER_SIDE[TORSO]]
    floor = 0.02 * height_px(image_px)
    named = np.linalg.norm(torso[1:] - torso[:-1], axis=-1).mean(1) + floor
    swapped = np.linalg.norm(mirrored[1:] - torso[:-1], axis=-1).mean(1) + floor
    better = np.clip(np.log(named / swapped), 0, None)
    return np.maximum(np.append(better, 0), np.insert(better, 0, 0))


def _position_jumps(motion: Motion, config: MotionDoubtConfig) -> Float[ndarray, "T"]:
    """Single frames off the median of those around, and steps, whose wrong side cannot be told."""
    if len(motion) < 3:
        return np.zeros(len(motion))
    path = motion.translation.astype(float)
    off_m = np.linalg.norm(path - median_filter(path, (5, 1), mode="nearest"), axis=-1)
    second = path[2:] - 2 * path[1:-1] + path[:-2]
    steps = np.pad(np.linalg.norm(second, axis=-1) * motion.fps**2 / config.root_m_s2, 1)
    return np.maximum(off_m / (config.root_off_m + config.root_off_m_s / motion.fps), np.minimum(steps, 0.9))


def _either_side(steps: Float[ndarray, "S"]) -> Float[ndarray, "T"]:
    """The smaller of the steps before and after each frame: of a single wrong frame both are large."""
    padded = np.concatenate([steps[:1], steps, steps[-1:]])
    return np.minimum(padded[:-1], padded[1:])
