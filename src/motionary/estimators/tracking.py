"""From people found in single frames to people followed over time.

A tracker owns no network: it says which regions to look at, is told what was seen there, and decides who is
who.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from motionary.estimators.landmarks import Landmarks
from motionary.estimators.regions import Region


@dataclass(frozen=True)
class TrackerConfig:
    """When two sightings are of one person. Distances are fractions of the person's region."""

    same_person_distance: float = 0.25
    """A detection this near to a followed person is that person."""
    crowded_distance: float = 0.1
    """The same while somebody is missing, who may be standing close by; landmarks then tell the two apart."""
    return_distance: float = 0.35
    """How far from where it was lost a person may reappear, at first."""
    return_speed: float = 0.5
    """How much that grows per second out of sight."""
    return_after_s: float = 2.0
    """Out of sight for longer is another person."""
    size_ratio: float = 1.6
    """A person reappears no more than this factor larger or smaller."""
    duplicate_distance: float = 0.1
    """Two followed people whose landmarks lie this near on average are one person followed twice..."""
    duplicate_ratio: float = 1.3
    """... unless one of them is so much larger: somebody nearer, who passes in front. A detection so much
    larger or smaller than a followed person is, while somebody is missing, another person."""
    patience_s: float = 0.15
    """A person not confirmed in their region for this long is out of sight until detected again."""


@dataclass
class Track:
    """One person over time."""

    number: int
    times_s: list[float] = field(default_factory=list)
    sightings: list[Landmarks] = field(default_factory=list)
    regions: list[Region] = field(default_factory=list)
    """Where to look next, as known after each sighting."""
    active: bool = True
    ended: bool = False
    """Whether the shot this person was seen in is over: nobody comes back from it."""

    def expected(self, time_s: float) -> Region:
        """Where the person should be at a time, moving on as lately, for a quarter of a second at most."""
        last = self.regions[-1]
        if len(self.regions) < 2:
            return last
        step_s = self.times_s[-1] - self.times_s[-2]
        ahead_s = min(time_s - self.times_s[-1], 0.25)
        shift = (last.center_px - self.regions[-2].center_px) * (ahead_s / step_s)
        longest = 0.15 * last.size_px
        shift *= min(1.0, longest / max(float(np.linalg.norm(shift)), 1e-9))
        return replace(last, center_px=last.center_px + shift)

    def add(self, time_s: float, seen: Landmarks, region: Region) -> None:
        """Note a sighting and where to look next."""
        self.times_s.append(time_s)
        self.sightings.append(seen)
        self.regions.append(region)
        self.active = True


class Tracker:
    """Who is who, frame by frame.

    For each frame: look at `to_visit`, `add` to its track what is found there; when detecting, pass the
    detector's regions through `unclaimed`, look at each of those and tell `found`; then `close_frame`.
    """

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self.config = config or TrackerConfig()
        self.tracks: list[Track] = []

    def to_visit(self, time_s: float) -> list[tuple[Track, Region]]:
        """The people in view and where each should be."""
        return [(track, track.expected(time_s)) for track in self.tracks if track.active]

    def unclaimed(self, time_s: float, detected: Sequence[Region]) -> list[Region]:
        """Detected regions that are of nobody seen in this frame."""
        seen = [track.regions[-1] for track in self.tracks if track.active and track.times_s[-1] == time_s]
        if self._missing(time_s):
            near, ratio = self.config.crowded_distance, self.config.duplicate_ratio
        else:
            near, ratio = self.config.same_person_distance, np.inf
        return [
            region
            for region in detected
            if all(_apart(region, other) > near or _ratio(region, other) > ratio for other in seen)
        ]

    def found(self, time_s: float, where: Region, seen: Landmarks, region: Region) -> Track:
        """Note a detected person: one who was out of sight if position and size agree, else a new one."""
        returned = self._returned(time_s, where)
        if returned is None:
            returned = Track(number=len(self.tracks) + 1)
            self.tracks.append(returned)
        returned.add(time_s, seen, region)
        return returned

    def close_frame(self, time_s: float) -> None:
        """Stop following whoever was followed twice or has not been seen for a while."""
        current = [track for track in self.tracks if track.active and track.times_s[-1] == time_s]
        for i, track in enumerate(current):
            for other in current[i + 1 :]:
                if track.active and other.active and self._duplicates(track, other):
                    self._drop_jumper(track, other)
        for track in self.tracks:
            if time_s - track.times_s[-1] > self.config.patience_s:
                track.active = False
        self.tracks = [track for track in self.tracks if track.sightings]

    def cut(self) -> None:
        """Another shot begins: everybody's track ends."""
        for track in self.tracks:
            track.active, track.ended = False, True

    def _missing(self, time_s: float) -> bool:
        """Whether somebody went out of sight lately."""
        away_s = [time_s - track.times_s[-1] for track in self.tracks if not track.ended]
        return any(0 < away <= self.config.return_after_s for away in away_s)

    def _returned(self, time_s: float, where: Region) -> Track | None:
        config, best, best_distance = self.config, None, np.inf
        for track in self.tracks:
            away_s = time_s - track.times_s[-1]
            if track.ended or away_s == 0 or away_s > config.return_after_s:
                continue
            last = track.regions[-1]
            ratio = where.size_px / last.size_px
            reach = config.return_distance + config.return_speed * away_s
            distance = min(_apart(where, last), _apart(where, track.expected(time_s)))
            if distance < min(reach, best_distance) and 1 / config.size_ratio < ratio < config.size_ratio:
                best, best_distance = track, distance
        return best

    def _duplicates(self, a: Track, b: Track) -> bool:
        gap_px = np.linalg.norm(a.sightings[-1].image_px - b.sightings[-1].image_px, axis=-1).mean()
        alike = _ratio(a.regions[-1], b.regions[-1]) < self.config.duplicate_ratio
        size_px = min(a.regions[-1].size_px, b.regions[-1].size_px)
        return bool(alike and gap_px < self.config.duplicate_distance * size_px)

    def _drop_jumper(self, a: Track, b: Track) -> None:
        """Of two tracks on one person, take the last sighting from the one that left its own course."""
        jumper = max((a, b), key=lambda track: (_jump(track), track.number))
        for values in (jumper.times_s, jumper.sightings, jumper.regions):
            values.pop()  # type: ignore[attr-defined]
        jumper.active = False
        if not jumper.sightings:
            self.tracks = [track for track in self.tracks if track is not jumper]


def _apart(a: Region, b: Region) -> float:
    """Distance between centres as a fraction of the larger region."""
    return float(np.linalg.norm(a.center_px - b.center_px)) / max(a.size_px, b.size_px)


def _ratio(a: Region, b: Region) -> float:
    """The larger size over the smaller."""
    return max(a.size_px, b.size_px) / max(min(a.size_px, b.size_px), 1e-9)


def _jump(track: Track) -> float:
    """How far the last sighting lies from where those before it led, in regions; endless for a first one."""
    if len(track.regions) < 2:
        return np.inf
    before = Track(track.number, track.times_s[:-1], track.sightings[:-1], track.regions[:-1])
    return _apart(before.expected(track.times_s[-1]), track.regions[-1])
