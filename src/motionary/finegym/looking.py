"""What there is to see in a clip: who, how fast, how steady the camera, how sharp, and where it was cut."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from motionary.estimators.shots import ShotCuts
from motionary.estimators.video import Video
from motionary.estimators.watching import Watcher
from motionary.finegym.movement import camera_step, person_speed_px
from motionary.finegym.sharpness import sharpness

SMALL_PX = 320
"""Longer side of the pictures in which movement is measured."""
SHARP_SIDE_PX = 720
"""Shorter side of the pictures in which sharpness is measured, if theirs is larger."""
LEAST_SCORE, LEAST_VISIBILITY = 0.9, 0.6
"""Probabilities that this is somebody and, over the landmarks, that they show: less is a bad sighting."""
AWAY_S = 0.1
"""Somebody not seen for longer is not there."""


@dataclass(frozen=True)
class Sightings:
    """One person in a clip."""

    times_s: Float[ndarray, "S"]
    boxes_px: Float[ndarray, "S 4"]
    """Left, top, right, bottom of the body, as shown."""

    def at(self, time_s: float) -> Float[ndarray, "4"]:
        """The box at a time, between sightings a mean of theirs, before and after them the nearest."""
        return np.array([np.interp(time_s, self.times_s, side) for side in self.boxes_px.T])

    def there(self, times_s: Float[ndarray, "T"]) -> Bool[ndarray, "T"]:
        """At which times the person was seen lately or soon after."""
        return np.abs(times_s[:, None] - self.times_s[None]).min(1) <= AWAY_S

    @property
    def height_px(self) -> float:
        """Median length of the longer side of the box: people lie and turn over, too."""
        sides = self.boxes_px[:, 2:] - self.boxes_px[:, :2]
        return float(np.median(sides.max(1)))


@dataclass(frozen=True)
class Found:
    """Everybody in a clip, and when another shot begins in it; nobody is followed across that."""

    people: tuple[Sightings, ...]
    cuts_s: tuple[float, ...]


FindPeople = Callable[[Path], Found]


@dataclass(frozen=True)
class Sights:
    """What was seen of a clip. T frames; people are in order of prominence."""

    times_s: Float[ndarray, "T"]
    width: int
    height: int
    people: tuple[Sightings, ...]
    cuts: tuple[int, ...]
    """Frames with which another shot begins."""
    speed: Float[ndarray, "T"]
    """Of the first person, heights per second since the frame before; NaN for a shot's first frame."""
    camera: Float[ndarray, "T"]
    """Of the camera, picture widths per second, likewise; NaN where too little background was found."""
    sharpness: Float[ndarray, "T"]
    """Of the first person's surroundings."""


def look_at(clip: Path, find_people: FindPeople) -> Sights:
    """Look through a clip.

    Raises:
        ValueError: If it is no readable video.
    """
    found = find_people(clip)
    people, times = most_prominent_first(found), list[float]()
    figures: list[tuple[float, float, float]] = []
    before: UInt8[ndarray, "h w"] | None = None
    video = Video(clip)
    for frame in video.frames():
        luma = np.rot90(frame.planes[0], frame.quarter_turns)
        now, scale = _small(luma)
        boxes = [person.at(frame.time_s) for person in people]
        moved = (np.nan, np.nan)
        if before is not None:
            step_s = frame.time_s - times[-1]
            moved = _movement(before, now, [box * scale for box in boxes], people, scale, step_s)
        figures.append((*moved, _sharpness(luma, boxes[0] if boxes else None)))
        times.append(frame.time_s)
        before = now
    facts, table = video.facts(), np.array(figures)
    cuts = tuple(int(cut) for cut in np.searchsorted(np.array(times) + 1e-6, found.cuts_s))
    table[list(cuts), :2] = np.nan
    return Sights(np.array(times), facts.width, facts.height, people, cuts, *table.T)


def most_prominent_first(found: Found) -> tuple[Sightings, ...]:
    """The person who is largest for longest, put together from who is that in every shot, then the others."""
    edges = np.array([*found.cuts_s, np.inf])
    by_shot: dict[int, list[Sightings]] = {}
    for person in found.people:
        by_shot.setdefault(int(np.searchsorted(edges, person.times_s[0], side="right")), []).append(person)
    leading, others = list[Sightings](), list[Sightings]()
    for _, people in sorted(by_shot.items()):
        first, *rest = sorted(people, key=lambda person: -person.height_px * len(person.times_s))
        leading.append(first)
        others += rest
    if not leading:
        return ()
    times = np.concatenate([person.times_s for person in leading])
    boxes = np.concatenate([person.boxes_px for person in leading])
    return (Sightings(times, boxes), *others)


def _small(luma: UInt8[ndarray, "H W"]) -> tuple[UInt8[ndarray, "h w"], float]:
    scale = min(SMALL_PX / max(luma.shape), 1.0)
    size = max(round(luma.shape[1] * scale), 2), max(round(luma.shape[0] * scale), 2)
    return cv2.resize(luma, size, interpolation=cv2.INTER_AREA), scale


def _movement(
    before: UInt8[ndarray, "h w"],
    now: UInt8[ndarray, "h w"],
    boxes: Sequence[Float[ndarray, "4"]],
    people: Sequence[Sightings],
    scale: float,
    step_s: float,
) -> tuple[float, float]:
    """Speed of the first person and of the camera; of the picture, in its heights, if there is nobody."""
    height, width = now.shape
    background = np.full(now.shape, 255, np.uint8)
    for left, top, right, bottom in (box.astype(int) for box in boxes):
        background[max(top - 4, 0) : max(bottom + 4, 0), max(left - 4, 0) : max(right + 4, 0)] = 0
    camera = camera_step(before, now, background)
    centre = np.array([width / 2, height / 2])
    shift = camera.T_now_before[:, :2] @ centre + camera.T_now_before[:, 2] - centre
    box = boxes[0] if boxes else np.array([0.0, 0.0, width, height])
    tall_px = people[0].height_px * scale if people else float(height)
    speed_px = person_speed_px(before, now, box, camera.T_now_before)
    camera_speed = float(np.linalg.norm(shift)) / width / step_s if camera.found else np.nan
    return speed_px / max(tall_px, 1.0) / step_s, camera_speed


def _sharpness(luma: UInt8[ndarray, "H W"], box: Float[ndarray, "4"] | None) -> float:
    """Of the picture around a person, or all of it."""
    height, width = luma.shape
    if box is not None:
        margin = 0.15 * float((box[2:] - box[:2]).max())
        left, top = np.clip(box[:2] - margin, 0, [width - 16, height - 16]).astype(int)
        right, bottom = np.clip(box[2:] + margin, [left + 16, top + 16], [width, height]).astype(int)
        luma = luma[top:bottom, left:right]
    scale = min(SHARP_SIDE_PX / min(height, width), 1.0)
    if scale < 1:
        size = max(round(luma.shape[1] * scale), 4), max(round(luma.shape[0] * scale), 4)
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return sharpness(np.ascontiguousarray(luma))


class BlazePosePeople:
    """Finds everybody with BlazePose's networks, as the default estimator does."""

    def __init__(self, num_threads: int = 2) -> None:
        self._watch = Watcher(num_threads)

    def __call__(self, clip: Path) -> Found:
        """Everybody who was seen well enough to be somebody: trees and shadows are seen in parts."""
        cuts_s = _cuts_s(clip)
        try:
            tracks = self._watch(clip).tracks
        except ValueError:  # nobody; a file that cannot be read was told of above
            tracks = []
        people = []
        for track in tracks:
            well = [
                (time_s, seen.image_px)
                for time_s, seen in zip(track.times_s, track.sightings, strict=True)
                if seen.score >= LEAST_SCORE and seen.visibility.mean() >= LEAST_VISIBILITY
            ]
            if len(well) >= 3:
                points = np.stack([image_px for _, image_px in well])
                boxes = np.concatenate([points.min(1), points.max(1)], axis=1)
                people.append(Sightings(np.array([time_s for time_s, _ in well]), boxes))
        return Found(tuple(people), cuts_s)


def _cuts_s(clip: Path) -> tuple[float, ...]:
    """When new shots begin: by their first frames, not by when they are told."""
    detector, times, starts = ShotCuts(), list[float](), list[int]()
    for frame in Video(clip).frames():
        times.append(frame.time_s)
        if detector(frame):
            starts.append(detector.start)
    return tuple(times[start] for start in starts)
