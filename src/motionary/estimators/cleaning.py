"""Repairing a person's landmarks over time: failed frames, left and right taken for each other, jitter."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from scipy.ndimage import convolve1d

from motionary.estimators.landmarks import LANDMARK_INDEX, LANDMARK_NAMES, Landmarks, LandmarkTrack
from motionary.motion import gaps
from motionary.stretches import from_frames_around

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
    other side. Frames that were not seen say nothing, and go with the seen one before them.
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
    """The cheapest sequence of as-named (False) and swapped (True)."""
    seen = np.flatnonzero(track.seen)
    if not len(seen):
        return np.zeros(len(track), bool)
    states = _cheapest(track.image_px[seen], part, fps)
    return states[np.clip(np.searchsorted(seen, np.arange(len(track)), side="right") - 1, 0, None)]


def _cheapest(image_px: Float[ndarray, "T 33 2"], part: ndarray, fps: float) -> Bool[ndarray, "T"]:
    shoulders, hips = (image_px[:, _named(name)].mean(1) for name in ("shoulder", "hip"))
    widths = [np.ptp(image_px[:, _named(name), 0], axis=1) for name in ("shoulder", "hip")]
    torso_px = np.median(np.maximum(np.linalg.norm(shoulders - hips, axis=-1), np.maximum(*widths))) + 1e-6
    named, swapped = image_px[:, part], image_px[:, OTHER_SIDE[part]]
    stay = np.linalg.norm(named[1:] - named[:-1], axis=-1).mean(-1) / torso_px
    change = np.linalg.norm(swapped[1:] - named[:-1], axis=-1).mean(-1) / torso_px
    unary = np.array([0.0, SWAPPED_COST_PER_S / fps])
    cost, back = unary.copy(), np.zeros((len(image_px), 2), int)
    for t in range(1, len(image_px)):
        through = cost[:, None] + np.array([[stay[t - 1], change[t - 1]], [change[t - 1], stay[t - 1]]])
        back[t] = through.argmin(0)
        cost = through.min(0) + unary
    states = np.zeros(len(image_px), int)
    states[-1] = cost.argmin()
    for t in range(len(image_px) - 1, 0, -1):
        states[t - 1] = back[t, states[t]]
    return states.astype(bool)


@dataclass(frozen=True)
class BridgeConfig:
    """How failed frames between good ones are filled. Chosen in benchmarks/quality.py."""

    slope_frames: int = 5
    """Good frames on either side that tell with which speed it goes on."""
    slope_share: float = 0.6
    """Share of that speed that is believed: people turn round."""
    bridge_off: float = 0.008
    """How far a bridge is off at its ends, in body heights,"""
    bridge_off_per_s: float = 0.13
    """and further in its middle, for each second of its length."""
    glimpse_off: float = 0.015
    """How far a failed sighting is off, in body heights, if it was no less certain than usual,"""
    glimpse_off_per_logit: float = 0.8
    """and its natural logarithm for every logit of certainty lost."""
    gate: float = 3.0
    """Glimpses further from the bridge than so many times both together are not believed at all."""


def bridge(track: LandmarkTrack, sightings: list[Landmarks], config: BridgeConfig) -> LandmarkTrack:
    """Fill frames that were not seen, or whose sighting failed, from both sides.

    A cubic goes on from either side with part of its speed. What a failed sighting shows near it is not
    thrown away: the two are averaged, each weighted by the inverse of its likely square error.

    Args:
        track: On a uniform grid, failed sightings left out; its check tells which those were.
        sightings: Of that check, failed ones included.
        config: How much is known of either.
    """
    if track.seen.all() or track.check is None:
        return track
    heights = max(float(np.median(np.ptp(track.image_px, axis=1).max(-1))), 1e-6)
    image, world = track.image_px.copy(), track.world_m.copy()
    nearest, off = _glimpses(track, sightings, config)
    for start, stop in gaps(track.seen):
        if start == 0 or stop == len(track):
            continue
        way = np.arange(1, stop - start + 1) / (stop - start + 1)
        length_s = track.times_s[stop] - track.times_s[start - 1]
        bridge_off = config.bridge_off + config.bridge_off_per_s * length_s * 4 * way * (1 - way)
        for values, name, unit in ((image, "image_px", heights), (world, "world_m", 1.7)):
            between = _cubic(values, track.seen, start, stop, config)
            seen = np.stack([getattr(sightings[index], name) for index in nearest[start:stop]])
            glimpse_off = off[start:stop]
            both = np.hypot(bridge_off, glimpse_off)[:, None]
            near = np.linalg.norm(seen - between, axis=-1) / unit < config.gate * both
            weight = near * (bridge_off**2 / both[:, 0] ** 2)[:, None]
            values[start:stop] = between + weight[..., None] * (seen - between)
    return replace(track, image_px=image, world_m=world)


def _glimpses(
    track: LandmarkTrack, sightings: list[Landmarks], config: BridgeConfig
) -> tuple[Int[ndarray, "T"], Float[ndarray, "T"]]:
    """For every frame the sighting nearest in time and how far it may be off, in body heights."""
    assert track.check is not None
    nearest = track.check.nearest(track.times_s)
    certainty = np.array([sighting.certainty for sighting in sightings])
    usual = np.median(certainty[~track.check.failed]) if not track.check.failed.all() else np.inf
    lost = np.clip(usual - certainty[nearest], 0, 20)
    off = config.glimpse_off * np.exp(config.glimpse_off_per_logit * lost)
    away = np.abs(track.times_s - track.check.times_s[nearest])
    step_s = track.times_s[1] - track.times_s[0]
    return nearest, np.where(np.isfinite(off) & (away < 0.75 * step_s), off, 1e6)


def _cubic(
    values: Float[ndarray, "T *C"], seen: Bool[ndarray, "T"], start: int, stop: int, config: BridgeConfig
) -> Float[ndarray, "S *C"]:
    """Hermite's cubic from the frame before start to the frame stop."""
    length = stop - start + 1
    slopes = [
        config.slope_share * length * _slope(values, seen, frames)
        for frames in (
            range(max(start - config.slope_frames, 0), start),
            range(stop, min(stop + config.slope_frames, len(values))),
        )
    ]
    way = (np.arange(1, length) / length).reshape(-1, *[1] * (values.ndim - 1))
    a, b = values[start - 1], values[stop]
    return (
        (1 + 2 * way) * (1 - way) ** 2 * a
        + way * (1 - way) ** 2 * slopes[0]
        + way**2 * (3 - 2 * way) * b
        + way**2 * (way - 1) * slopes[1]
    )


def _slope(values: Float[ndarray, "T *C"], seen: Bool[ndarray, "T"], frames: range) -> Float[ndarray, "*C"]:
    """Change per frame, by least squares over the good frames among those given."""
    good = np.array([frame for frame in frames if seen[frame]])
    if len(good) < 2:
        return np.zeros(values.shape[1:])
    centred = (good - good.mean()).reshape(-1, *[1] * (values.ndim - 1))
    return (centred * values[good]).sum(0) / (centred**2).sum()


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
    trust = np.maximum(trust, 1e-4).reshape(*trust.shape, *[1] * (values.ndim - trust.ndim))

    def fitted(wanted: slice, values: ndarray, trust: ndarray) -> ndarray:
        return _parabolas(values, trust, sigma_frames, radius)[wanted]

    return from_frames_around(fitted, radius, values, trust)


def _parabolas(values: ndarray, trust: ndarray, sigma_frames: float, radius: int) -> ndarray:
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma_frames) ** 2)
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
