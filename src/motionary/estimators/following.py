"""Landmarks of everybody in a video: detector, landmark network and tracker at work together."""

from collections.abc import Callable
from dataclasses import dataclass, field

from motionary.estimators.landmarks import Landmarks
from motionary.estimators.regions import Region
from motionary.estimators.tracking import Track, Tracker, TrackerConfig
from motionary.estimators.video import Frame, Video

Detect = Callable[[Frame, int], list[Region]]
"""From a frame and the number of looks before this one to where people may be."""
Locate = Callable[[Frame, Region], tuple[Landmarks, Region] | None]


@dataclass(frozen=True)
class FollowConfig:
    """How often to look for people, and for how many."""

    detect_every_s: float = 0.33
    """The detector runs this often while everybody followed is in view, and at once when somebody is lost."""
    most_people: int = 8
    tracker: TrackerConfig = field(default_factory=TrackerConfig)


def follow_people(video: Video, detect: Detect, locate: Locate, config: FollowConfig) -> list[Track]:
    """Follow everybody through a video, one pass, in memory that does not grow with the pictures.

    Returns:
        One track per person, in order of appearance.
    """
    tracker = Tracker(config.tracker)
    last_detection_s, looks = -config.detect_every_s, 0
    for frame in video.frames():
        time_s = frame.time_s
        lost = False
        for track, region in tracker.to_visit(time_s):
            seen = locate(frame, region)
            if seen is None:
                lost = True
            else:
                track.add(time_s, *seen)
        if lost or time_s - last_detection_s >= config.detect_every_s - 1e-6:
            last_detection_s = time_s
            _meet(tracker, frame, detect(frame, looks), locate, config.most_people)
            looks += 1
        tracker.close_frame(time_s)
    return tracker.tracks


def _meet(tracker: Tracker, frame: Frame, detected: list[Region], locate: Locate, most_people: int) -> None:
    """Look at those detected who are not being followed yet."""
    for where in detected:
        in_view = sum(track.active for track in tracker.tracks)
        if in_view >= most_people or not tracker.unclaimed(frame.time_s, [where]):
            continue
        seen = locate(frame, where)
        if seen is not None and tracker.unclaimed(frame.time_s, [seen[1]]):
            tracker.found(frame.time_s, where, *seen)
