"""The default estimator: BlazePose's landmarks, followed over time, with the body fitted to them."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from motionary import progress
from motionary.body.assets import load_body
from motionary.body.smpl import BodyModel
from motionary.estimators.cleaning import bridge, undo_swaps
from motionary.estimators.estimate import PersonEstimate, VideoEstimate
from motionary.estimators.fitting import Camera, one_thread
from motionary.estimators.following import FollowConfig
from motionary.estimators.landmarks import on_grid
from motionary.estimators.people import FittedPerson, PeopleConfig, Room, common_up, fit_person, into_room
from motionary.estimators.quality import check_sightings
from motionary.estimators.root import level_camera
from motionary.estimators.tracking import Track
from motionary.estimators.video import VideoFacts
from motionary.estimators.watching import Watched, Watcher, fetch_weights

__all__ = ["BlazePose", "fetch_weights"]

SHORTEST_S = 0.5
"""People seen for a shorter stretch are dropped."""
LONGEST_GAP_S = 0.5
"""Longer gaps split a person's motion."""


class BlazePose:
    """Video -> people, by BlazePose and a body fitted to its landmarks.

    Attributes:
        focal_px: Focal length in pixels; None takes the image's diagonal, a 53 degree view across it, as is
            usual where nothing is known (Kissos et al. 2020, arXiv:2009.06549).
        num_threads: Of both networks together; the result does not depend on it.
    """

    name = "blazepose"

    def __init__(
        self,
        *,
        focal_px: float | None = None,
        num_threads: int = 2,
        body: BodyModel | None = None,
        follow: FollowConfig | None = None,
        people: PeopleConfig | None = None,
    ) -> None:
        if focal_px is not None and not 0 < focal_px < float("inf"):
            raise ValueError(f"focal_px must be a positive number of pixels; got {focal_px}.")
        self.focal_px, self.num_threads = focal_px, num_threads
        self.body = body or load_body()
        self.people = replace(people or PeopleConfig(), threads=num_threads)
        self._watch = Watcher(num_threads, follow)

    def __call__(self, video: Path) -> VideoEstimate:
        """Estimate everybody's motion; see `Estimator`."""
        return self.fit(self._watch(video))

    def fit(self, seen: Watched) -> VideoEstimate:
        """Everybody's motion from what was seen of them.

        Raises:
            ValueError: If nobody was seen for long enough.
        """
        with one_thread():
            fitted, dropped = self._fit(seen.tracks, seen.facts)
            if not fitted:
                raise ValueError(
                    f"No person found in {seen.facts.name} for long enough: {'; '.join(dropped)}."
                )
            people = self._number(fitted, seen.facts)
        return VideoEstimate(seen.facts, self.name, people, tuple(dropped), seen.cuts_s, seen.thumbnails)

    def _camera(self, facts: VideoFacts) -> Camera:
        focal = self.focal_px or float(np.hypot(facts.width, facts.height))
        return Camera(focal, facts.width, facts.height)

    def _fit(self, tracks: list[Track], facts: VideoFacts) -> tuple[list[FittedPerson], list[str]]:
        fitted, dropped, camera = [], [], self._camera(facts)
        for track in progress.each(tracks, "fitting bodies", unit="person"):
            times_s = np.array(track.times_s)
            check = check_sightings(times_s, track.sightings, self.people.quality)
            if check.failed.all():
                dropped.append(f"person {track.number}, from {times_s[0]:.2f} s: every frame failed")
            pieces = on_grid(times_s, track.sightings, facts.fps, longest_gap_s=LONGEST_GAP_S, check=check)
            for piece in pieces:
                seconds = len(piece) / facts.fps
                if seconds < SHORTEST_S:
                    at = f"from {piece.times_s[0]:.2f} s" if len(piece) else f"at {track.times_s[0]:.2f} s"
                    dropped.append(
                        f"person {track.number}, seen for {seconds:.2f} s {at}: under {SHORTEST_S} s"
                    )
                    continue
                # Names first: a bridge from one name's place to the other's would hide the exchange.
                whole = bridge(undo_swaps(piece, facts.fps), track.sightings, self.people.bridge)
                fitted.append(fit_person(track.number, whole, facts.fps, camera, self.body, self.people))
        return fitted, dropped

    def _number(self, fitted: list[FittedPerson], facts: VideoFacts) -> dict[int, PersonEstimate]:
        """Put everybody into one room, the most prominent person first, their stretches in order of time."""
        up = common_up(fitted, facts.fps, self.people.root)
        prominence: dict[int, float] = {}
        for person in fitted:
            height_px = np.ptp(person.track.image_px[..., 1], axis=1)
            prominence[person.number] = prominence.get(person.number, 0.0) + float(height_px.sum())
        order = sorted(prominence, key=lambda number: -prominence[number])
        fitted = [replace(person, number=order.index(person.number) + 1) for person in fitted]
        fitted.sort(key=lambda person: (person.number, person.track.times_s[0]))
        origin = fitted[0].fit.root_m[0]
        room = Room(self._camera(facts), level_camera(up), origin, facts.fps, self.body)
        return dict(enumerate((into_room(person, room, self.people) for person in fitted), start=1))
