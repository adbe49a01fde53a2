"""BlazePose's 33 landmarks: names, and what is seen of one person in one frame or over time."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray

LANDMARK_NAMES = (
    "nose",
    "left_eye_inner",
    "left_eye",
    "left_eye_outer",
    "right_eye_inner",
    "right_eye",
    "right_eye_outer",
    "left_ear",
    "right_ear",
    "mouth_left",
    "mouth_right",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_pinky",
    "right_pinky",
    "left_index",
    "right_index",
    "left_thumb",
    "right_thumb",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
    "left_heel",
    "right_heel",
    "left_foot_index",
    "right_foot_index",
)
NUM_LANDMARKS = len(LANDMARK_NAMES)
LANDMARK_INDEX = {name: index for index, name in enumerate(LANDMARK_NAMES)}


@dataclass(frozen=True)
class Landmarks:
    """What the network sees of one person in one frame."""

    image_px: Float[ndarray, "33 2"]
    world_m: Float[ndarray, "33 3"]
    """Metres from the middle of the hips; x right, y down, z away from the viewer."""
    visibility: Float[ndarray, "33"]
    """Probability, 0 to 1, of being in the picture and not hidden."""
    score: float
    """Probability, 0 to 1, that there is a person."""
    certainty: float = np.nan
    """How sure the network is of where the landmarks are: their heat maps' highest logits, averaged."""
    sharpness: float = np.nan
    """Detail of the picture that was looked at: mean absolute Laplacian at 128 x 128, grey levels."""


Doubts = Mapping[str, Float[ndarray, "T"]]
"""Reason -> doubt of every frame: 0 where all is as usual, 1 where it is enough to fail the frame alone."""


@dataclass(frozen=True)
class Check:
    """What was found when one person's sightings were checked."""

    times_s: Float[ndarray, "N"]
    doubts: Doubts
    failed: Bool[ndarray, "N"]

    def nearest(self, times_s: Float[ndarray, "T"]) -> Int[ndarray, "T"]:
        """Index of the sighting nearest in time, for each of the times."""
        after = np.minimum(np.searchsorted(self.times_s, times_s), len(self.times_s) - 1)
        before = np.maximum(after - 1, 0)
        closer = np.abs(times_s - self.times_s[before]) < np.abs(times_s - self.times_s[after])
        return np.where(closer, before, after)

    def at(self, times_s: Float[ndarray, "T"]) -> Doubts:
        """The doubts of the sightings nearest in time; none where no sighting is within 0.75 frames."""
        nearest = self.nearest(times_s)
        step_s = float(np.median(np.diff(times_s))) if len(times_s) > 1 else np.inf
        near = np.abs(times_s - self.times_s[nearest]) <= 0.75 * step_s
        return {reason: np.where(near, doubt[nearest], 0.0) for reason, doubt in self.doubts.items()}


@dataclass(frozen=True)
class LandmarkTrack:
    """One person's landmarks on a uniform time grid; frames without a sighting are interpolated."""

    times_s: Float[ndarray, "T"]
    image_px: Float[ndarray, "T 33 2"]
    world_m: Float[ndarray, "T 33 3"]
    visibility: Float[ndarray, "T 33"]
    score: Float[ndarray, "T"]
    """0 where nothing was seen."""
    seen: Bool[ndarray, "T"]
    check: Check | None = None
    """What is thought of the sightings, those included that were left out."""

    def __len__(self) -> int:
        return len(self.times_s)


def on_grid(
    times_s: Float[ndarray, "N"],
    sightings: list[Landmarks],
    fps: float,
    *,
    longest_gap_s: float,
    check: Check | None = None,
) -> list[LandmarkTrack]:
    """One person's sightings, resampled by their true times to a uniform rate and cut at long gaps.

    Args:
        times_s: When each sighting was made, increasing.
        sightings: As many as times.
        fps: Rate of the result, frames per second; the grid is k / fps.
        longest_gap_s: A pause longer than this ends one track and starts the next.
        check: What was found when the sightings were checked; failed ones are left out.

    Returns:
        At least one track, unless all sightings failed; frames further than 0.75 frames from a sighting are
        marked as not seen.
    """
    if check is not None and check.failed.any():
        kept = np.flatnonzero(~check.failed)
        if not len(kept):
            return []
        times_s, sightings = times_s[kept], [sightings[index] for index in kept]
    cuts = np.flatnonzero(np.diff(times_s) > longest_gap_s + 1 / fps) + 1
    bounds = [0, *cuts.tolist(), len(times_s)]
    return [
        replace(_resample(times_s[start:stop], sightings[start:stop], fps), check=check)
        for start, stop in pairwise(bounds)
    ]


def _resample(times_s: Float[ndarray, "N"], sightings: list[Landmarks], fps: float) -> LandmarkTrack:
    first, last = np.ceil(times_s[0] * fps - 0.25), np.floor(times_s[-1] * fps + 0.25)
    grid = np.arange(max(first, 0.0), max(last, first) + 1) / fps
    after = np.clip(np.searchsorted(times_s, grid), 1, max(len(times_s) - 1, 1))
    after = np.minimum(after, len(times_s) - 1)
    before = np.maximum(after - 1, 0)
    step = np.maximum(times_s[after] - times_s[before], 1e-9)
    fraction = np.clip((grid - times_s[before]) / step, 0, 1)
    nearest_s = np.minimum(np.abs(grid - times_s[before]), np.abs(grid - times_s[after]))
    seen = nearest_s * fps <= 0.75

    def sample(field: str) -> ndarray:
        values = np.stack([getattr(sighting, field) for sighting in sightings])
        t = fraction.reshape(-1, *[1] * (values.ndim - 1))
        return values[before] * (1 - t) + values[after] * t

    score = np.where(seen, sample("score"), 0.0)
    return LandmarkTrack(grid, sample("image_px"), sample("world_m"), sample("visibility"), score, seen)
