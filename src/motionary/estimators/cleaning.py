"""Repairing a person's landmarks over time: left and right taken for each other, and jitter."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from scipy.ndimage import convolve1d

from motionary.estimators.landmarks import LANDMARK_INDEX, LANDMARK_NAMES, LandmarkTrack

SWAPPED_COST_PER_S = 0.6
"""Torso lengths of unexplained movement that speak as loudly as a second of believing the network wrong."""


def _mirror(name: str) -> str:
    table = {"left": "right", "right": "left"}
    return "_".join(table.get(part, part) for part in name.split("_"))


OTHER_SIDE = np.array([LANDMARK_INDEX[_mirror(name)] for name in LANDMARK_NAMES])


def _named(*parts: str) -> ndarray:
    return np.array(
        [index for index, name in enumerate(LANDMARK_NAMES) if any(part in name for part in parts)]
    )


TORSO = _named("shoulder", "hip")
ARMS = _named("elbow", "wrist", "pinky", "index", "thumb")
ARMS = ARMS[[not LANDMARK_NAMES[index].endswith("foot_index") for index in ARMS]]
LEGS = _named("knee", "ankle", "heel", "foot")


def undo_swaps(track: LandmarkTrack, fps: float) -> LandmarkTrack:
    """Give left and right their names back where the network mixed them up for a while.

    A person seen from behind for a few frames between frames seen from the front has been misread: shoulders
    and hips jump across each other. The cheapest labelling over time is found exactly (Viterbi 1967) for the
    torso, then for arms and for legs. With the torso goes the sign of depth: the same outline seen from the
    other side.
    """
    turned = _swapped(track, TORSO, fps)
    everything = np.arange(len(LANDMARK_NAMES))
    track = _exchange(track, everything, turned)
    world = track.world_m * np.where(turned, -1, 1)[:, None, None] ** np.array([0, 0, 1])
    track = replace(track, world_m=world)
    for limbs in (ARMS, LEGS):
        track = _exchange(track, limbs, _swapped(track, limbs, fps))
    return track


def _exchange(track: LandmarkTrack, part: ndarray, swapped: Bool[ndarray, "T"]) -> LandmarkTrack:
    index = np.tile(np.arange(len(LANDMARK_NAMES)), (len(track), 1))
    index[np.ix_(swapped, part)] = OTHER_SIDE[part]
    rows = np.arange(len(track))[:, None]
    return replace(
        track,
        image_px=track.image_px[rows, index],
        world_m=track.world_m[rows, index],
        visibility=track.visibility[rows, index],
    )


def _swapped(track: LandmarkTrack, part: ndarray, fps: float) -> Bool[ndarray, "T"]:
    """The cheapest sequence of as-named (0) and swapped (1)."""
    shoulders, hips = (track.image_px[:, _named(name)].mean(1) for name in ("shoulder", "hip"))
    widths = [np.ptp(track.image_px[:, _named(name), 0], axis=1) for name in ("shoulder", "hip")]
    torso_px = np.median(np.maximum(np.linalg.norm(shoulders - hips, axis=-1), np.maximum(*widths))) + 1e-6
    named, swapped = track.image_px[:, part], track.image_px[:, OTHER_SIDE[part]]
    stay = np.linalg.norm(named[1:] - named[:-1], axis=-1).mean(-1) / torso_px
    change = np.linalg.norm(swapped[1:] - named[:-1], axis=-1).mean(-1) / torso_px
    unary = np.array([0.0, SWAPPED_COST_PER_S / fps])
    cost, back = unary.copy(), np.zeros((len(track), 2), int)
    for t in range(1, len(track)):
        through = cost[:, None] + np.array([[stay[t - 1], change[t - 1]], [change[t - 1], stay[t - 1]]])
        back[t] = through.argmin(0)
        cost = through.min(0) + unary
    states = np.zeros(len(track), int)
    states[-1] = cost.argmin()
    for t in range(len(track) - 1, 0, -1):
        states[t - 1] = back[t, states[t]]
    return states.astype(bool)


def smooth(
    values: Float[ndarray, "T *C"], trust: Float[ndarray, "T *D"], sigma_frames: float
) -> Float[ndarray, "T *C"]:
    """A parabola fitted around every frame, weighted by trust and nearness in time, read at that frame.

    It neither lags nor flattens peaks much (Cleveland 1979); where trust is 0 it interpolates.

    Args:
        values: One or more series over time.
        trust: At least 0; its axes are the first ones of values.
        sigma_frames: Standard deviation of the nearness weight; no smoothing at all below 0.3.
    """
    if sigma_frames < 0.3 or len(values) < 3:
        return values
    radius = int(np.ceil(3 * sigma_frames))
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma_frames) ** 2)
    trust = np.maximum(trust, 1e-4).reshape(*trust.shape, *[1] * (values.ndim - trust.ndim))
    scaled = offsets / sigma_frames

    def moment(series: ndarray, power: int) -> ndarray:
        weights = (kernel * scaled**power)[::-1]  # convolution turns the kernel round
        return convolve1d(series, weights, axis=0, mode="constant")

    s = [moment(trust, power) for power in range(5)]
    y = [moment(trust * values, power) for power in range(3)]
    a, b, c = s[2] * s[4] - s[3] ** 2, s[2] * s[3] - s[1] * s[4], s[1] * s[3] - s[2] ** 2
    determinant = s[0] * a + s[1] * b + s[2] * c
    fitted = (a * y[0] + b * y[1] + c * y[2]) / np.where(np.abs(determinant) < 1e-12, 1, determinant)
    return np.where(np.abs(determinant) < 1e-9 * s[0] ** 3, values, fitted)
