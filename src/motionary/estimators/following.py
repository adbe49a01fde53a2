"""Landmarks of everybody in a video: detector, landmark network and tracker at work together."""

from collections.abc import Callable
from dataclasses import dataclass, field

from motionary.estimators.landmarks import Landmarks
from motionary.estimators.regions import Region
from motionary.estimators.tracking import Track, Tracker, TrackerConfig
from motionary.estimators.video import Frame, Video

Detect = Callable[[Frame], list[Region]]
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
    last_detection_s = -config.detect_every_s
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
            _meet(tracker, frame, detect(frame), locate, config.most_people)
        tracker.close_frame(time_s)
    return tracker.tracks


def _meet(tracker: Tracker, frame: Frame, detected: list[Region], locate: Locate, most_people: int) -> None:
    """Look at those detected who are not being followed yet."""
    for where in tracker.unclaimed(frame.time_s, detected):
        in_view = sum(track.active for track in tracker.tracks)
        seen = locate(frame, where) if in_view < most_people else None
        if seen is not None:
            tracker.found(frame.time_s, where, *seen)
