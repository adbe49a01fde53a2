"""Landmarks of everybody in a video: detector, landmark networks and tracker at work together.

Two frames are looked at at the same time: where a person is in one is foretold from what was seen up to two
frames before it. What is found does not depend on how many threads look.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Generic, TypeVar

from motionary.estimators.landmarks import Landmarks
from motionary.estimators.networks import views_of_look
from motionary.estimators.regions import Region
from motionary.estimators.tracking import Track, Tracker, TrackerConfig
from motionary.estimators.video import Frame

Seen = tuple[Landmarks, Region]
"""A person's landmarks, and the region to look at next."""
Detect = Callable[[Frame, Region], list[Region]]
"""From a view of a frame to where people may be."""
Locate = Callable[[Frame, Region], Seen | None]
"""From a region of a frame to the person there, if any."""
IsCut = Callable[[Frame], bool]
"""Given a video's frames in order: whether this one begins another shot."""
Answer = TypeVar("Answer")


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


class Eyes(Generic[Answer]):
    """Several networks of one kind that look at the same time, each at one region at a time.

    Raises:
        ValueError: If there is no network.
    """

    def __init__(self, networks: Sequence[Callable[[Frame, Region], Answer]]) -> None:
        if not networks:
            raise ValueError("Following people takes at least one network of each kind; got none.")
        self._idle: SimpleQueue[Callable[[Frame, Region], Answer]] = SimpleQueue()
        for network in networks:
            self._idle.put(network)
        self._pool = ThreadPoolExecutor(len(networks))

    def __call__(self, frame: Frame, region: Region) -> Answer:
        """Look, and wait for the answer."""
        network = self._idle.get()
        try:
            return network(frame, region)
        finally:
            self._idle.put(network)

    def soon(self, frame: Frame, region: Region) -> "Future[Answer]":
        """Look in the background."""
        return self._pool.submit(self, frame, region)

    def close(self) -> None:
        """Stop the background threads."""
        self._pool.shutdown()


@dataclass(frozen=True)
class Looks:
    """What is being looked at in a frame."""

    frame: Frame
    people: "dict[int, Future[Seen | None]]"
    """By the number of their track."""
    views: "list[Future[list[Region]]]"
    """For people who are not followed yet."""


class Follower:
    """Follows everybody through frames given in order.

    Attributes:
        cuts_s: When other shots began.
    """

    def __init__(
        self, detectors: Eyes[list[Region]], eyes: Eyes[Seen | None], is_cut: IsCut, config: FollowConfig
    ) -> None:
        self._detectors, self._eyes, self._is_cut, self._config = detectors, eyes, is_cut, config
        self.cuts_s: list[float] = []
        self._tracker = Tracker(config.tracker)
        self._next_detection_s, self._count = 0.0, 0

    @property
    def tracks(self) -> list[Track]:
        """One per person, in order of appearance."""
        return self._tracker.tracks

    def follow(self, frames: Iterable[Frame]) -> None:
        """Follow everybody through successive frames: while one is looked at, the next is already."""
        ahead: Looks | None = None
        for frame in frames:
            if self._is_cut(frame):
                self._cut(frame, ahead)
                ahead = None
            looks = self._look(frame)
            if ahead:
                self._understand(ahead)
            ahead = looks
        if ahead:
            self._understand(ahead)

    def _look(self, frame: Frame) -> Looks:
        """Begin to look at a frame where everybody is expected from what is understood so far."""
        people = {
            track.number: self._eyes.soon(frame, region)
            for track, region in self._tracker.to_visit(frame.time_s)
            if frame.time_s - track.times_s[-1] <= self._config.ahead_s
        }
        due = frame.time_s >= self._next_detection_s - 1e-6
        return Looks(frame, people, self._detect(frame) if due else [])

    def _detect(self, frame: Frame) -> "list[Future[list[Region]]]":
        views = views_of_look(*frame.size, self._count)
        self._next_detection_s = frame.time_s + self._config.detect_every_s
        self._count += 1
        return [self._detectors.soon(frame, view) for view in views]

    def _cut(self, frame: Frame, ahead: Looks | None) -> None:
        """End the shot before this frame."""
        if ahead:
            self._understand(ahead)
        self._tracker.cut()
        self.cuts_s.append(frame.time_s)
        self._next_detection_s, self._count = frame.time_s, 0

    def _understand(self, looks: Looks) -> None:
        """Note what was seen of everybody; look again, where they are expected by now, if nothing was."""
        frame, lost = looks.frame, False
        for track, region in self._tracker.to_visit(frame.time_s):
            look = looks.people.get(track.number)
            seen = (look.result() if look else None) or self._eyes(frame, region)
            if seen is None:
                lost = True
            else:
                track.add(frame.time_s, *seen)
        views = looks.views or (self._detect(frame) if lost else [])
        for view in views:
            self._meet(frame, view.result())
        self._tracker.close_frame(frame.time_s)

    def _meet(self, frame: Frame, detected: list[Region]) -> None:
        """Look at those detected who are not being followed yet."""
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
    detectors: Sequence[Detect],
    locators: Sequence[Locate],
    config: FollowConfig,
    is_cut: IsCut | None = None,
) -> Followed:
    """Follow everybody through a video, one pass, in memory that does not grow with the pictures.

    Args:
        frames: In order of time.
        detectors: Alike; as many as may look for people at the same time.
        locators: The same for those who look at a person.
        config: How often to detect, and whom to take for whom.
        is_cut: Tells shots apart; None takes the video to be one shot.
    """
    detecting, locating = Eyes(detectors), Eyes(locators)
    try:
        follower = Follower(detecting, locating, is_cut or (lambda frame: False), config)
        follower.follow(frames)
        return Followed(follower.tracks, tuple(follower.cuts_s))
    finally:
        detecting.close()
        locating.close()
