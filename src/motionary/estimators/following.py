"""Landmarks of everybody in a video: detector, landmark networks and tracker at work together.

Two frames are looked at at the same time: where a person is in one is foretold from what was seen up to two
frames before it. What is found does not depend on how many threads look.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue

from motionary.estimators.landmarks import Landmarks
from motionary.estimators.regions import Region
from motionary.estimators.tracking import Track, Tracker, TrackerConfig
from motionary.estimators.video import Frame

Seen = tuple[Landmarks, Region]
"""A person's landmarks, and the region to look at next."""
Detect = Callable[[Frame, int], list[Region]]
"""From a frame and the number of looks before this one to where people may be."""
Locate = Callable[[Frame, Region], Seen | None]
"""From a region of a frame to the person there, if any."""
IsCut = Callable[[Frame], bool]
"""Given a video's frames in order: whether this one begins another shot."""


@dataclass(frozen=True)
class FollowConfig:
    """How often to look for people, and for how many."""

    detect_every_s: float = 0.33
    """The detector runs this often while everybody followed is in view, and at once when somebody is lost."""
    ahead_s: float = 0.1
    """A frame is looked at before the one before it is understood, if that makes it at most this much later
    than what is understood."""
    most_people: int = 8
    tracker: TrackerConfig = field(default_factory=TrackerConfig)


class Eyes:
    """Several landmark networks that look at the same time, each at one region at a time.

    Raises:
        ValueError: If there is no network.
    """

    def __init__(self, locators: Sequence[Locate]) -> None:
        if not locators:
            raise ValueError("Following people takes at least one landmark network; got none.")
        self._idle: SimpleQueue[Locate] = SimpleQueue()
        for locate in locators:
            self._idle.put(locate)
        self._pool = ThreadPoolExecutor(len(locators), thread_name_prefix="landmarks")

    def __call__(self, frame: Frame, region: Region) -> Seen | None:
        """Look, and wait for the answer."""
        locate = self._idle.get()
        try:
            return locate(frame, region)
        finally:
            self._idle.put(locate)

    def soon(self, frame: Frame, region: Region) -> "Future[Seen | None]":
        """Look in the background."""
        return self._pool.submit(self, frame, region)

    def close(self) -> None:
        """Stop the background threads."""
        self._pool.shutdown()


Ahead = tuple[Frame, "dict[int, Future[Seen | None]]"]
"""A frame, and who is being looked at in it."""


class Follower:
    """Follows everybody through frames given in order.

    Attributes:
        cuts_s: When other shots began.
    """

    def __init__(self, detect: Detect, eyes: Eyes, is_cut: IsCut, config: FollowConfig) -> None:
        self._detect, self._eyes, self._is_cut, self._config = detect, eyes, is_cut, config
        self.cuts_s: list[float] = []
        self._tracker = Tracker(config.tracker)
        self._last_detection_s, self._looks = -config.detect_every_s, 0

    @property
    def tracks(self) -> list[Track]:
        """One per person, in order of appearance."""
        return self._tracker.tracks

    def follow(self, frames: Iterable[Frame]) -> None:
        """Follow everybody through successive frames: while one is looked at, the next is already."""
        ahead: Ahead | None = None
        for frame in frames:
            if self._is_cut(frame):
                self._cut(frame, ahead)
                ahead = None
            looks = {
                track.number: self._eyes.soon(frame, region)
                for track, region in self._tracker.to_visit(frame.time_s)
                if frame.time_s - track.times_s[-1] <= self._config.ahead_s
            }
            if ahead:
                self._visit(*ahead)
            ahead = frame, looks
        if ahead:
            self._visit(*ahead)

    def _cut(self, frame: Frame, ahead: Ahead | None) -> None:
        """End the shot before this frame."""
        if ahead:
            self._visit(*ahead)
        self._tracker.cut()
        self.cuts_s.append(frame.time_s)
        self._last_detection_s, self._looks = -self._config.detect_every_s, 0

    def _visit(self, frame: Frame, looks: "dict[int, Future[Seen | None]]") -> None:
        """Note what was seen of everybody; look again, where they are expected by now, if nothing was."""
        lost = False
        for track, region in self._tracker.to_visit(frame.time_s):
            look = looks.get(track.number)
            seen = (look.result() if look else None) or self._eyes(frame, region)
            if seen is None:
                lost = True
            else:
                track.add(frame.time_s, *seen)
        if lost or frame.time_s - self._last_detection_s >= self._config.detect_every_s - 1e-6:
            self._last_detection_s = frame.time_s
            self._meet(frame)
        self._tracker.close_frame(frame.time_s)

    def _meet(self, frame: Frame) -> None:
        """Look at those detected who are not being followed yet."""
        detected = self._detect(frame, self._looks)
        self._looks += 1
        for where in detected:
            in_view = sum(track.active for track in self._tracker.tracks)
            if in_view >= self._config.most_people or not self._tracker.unclaimed(frame.time_s, [where]):
                continue
            seen = self._eyes(frame, where)
            if seen is not None and self._tracker.unclaimed(frame.time_s, [seen[1]]):
                self._tracker.found(frame.time_s, where, *seen)


@dataclass(frozen=True)
class Followed:
    """Everybody in a video."""

    tracks: list[Track]
    """One per person and shot, in order of appearance."""
    cuts_s: tuple[float, ...]
    """When other shots began."""


def follow_people(
    frames: Iterable[Frame],
    detect: Detect,
    locators: Sequence[Locate],
    config: FollowConfig,
    is_cut: IsCut | None = None,
) -> Followed:
    """Follow everybody through a video, one pass, in memory that does not grow with the pictures.

    Args:
        frames: In order of time.
        detect: Finds people.
        locators: Alike; as many as may look at the same time.
        config: How often to detect, and whom to take for whom.
        is_cut: Tells shots apart; None takes the video to be one shot.
    """
    eyes = Eyes(locators)
    try:
        follower = Follower(detect, eyes, is_cut or (lambda frame: False), config)
        follower.follow(frames)
        return Followed(follower.tracks, tuple(follower.cuts_s))
    finally:
        eyes.close()
