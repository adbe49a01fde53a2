"""Who is where in a video: BlazePose's networks, the tracker and the shot detector put to work on a file.

The default estimator fits bodies to what comes out; others cut their own crops where people were seen. The
networks' weights (Apache-2.0) lie in the PyPI wheel `mediapipe` and are fetched from there once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2

from motionary import progress
from motionary.body.assets import cache_folder, fetch_from_wheel
from motionary.estimators.following import FollowConfig, follow_people
from motionary.estimators.networks import LANDMARK_OUTPUTS, Detector, Landmarker, Network
from motionary.estimators.shots import ShotCuts
from motionary.estimators.strip import Thumbnail, Thumbnails
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


def fetch_weights() -> dict[str, Path]:
    """The two networks' files by name, "pose_detection" and "pose_landmark_full", fetched on first use.

    Raises:
        FileNotFoundError: If they are neither in the cache nor to be had from the package index.
    """
    paths = fetch_from_wheel(REQUIREMENT, WEIGHTS, cache_folder() / "blazepose")
    return {Path(member).stem: path for member, path in paths.items()}


@dataclass(frozen=True)
class Watched:
    """What was seen of everybody in a video."""

    facts: VideoFacts
    tracks: list[Track]
    """One per person and shot, in order of appearance."""
    cuts_s: tuple[float, ...]
    """When other shots began."""
    thumbnails: tuple[Thumbnail, ...]


class Watcher:
    """Follows everybody through videos, one at a time.

    Attributes:
        config: How.
    """

    def __init__(self, num_threads: int = 2, config: FollowConfig | None = None) -> None:
        weights, looking = fetch_weights(), min(2, num_threads)  # frames are looked at two at a time
        self.config = config or FollowConfig()
        self._detectors = [
            Detector(Network(weights["pose_detection"], num_threads // looking)) for _ in range(looking)
        ]
        self._landmarkers = [
            Landmarker(Network(weights["pose_landmark_full"], num_threads // looking, LANDMARK_OUTPUTS))
            for _ in range(looking)
        ]

    def __call__(self, video: Path) -> Watched:
        """Follow everybody through a video.

        Raises:
            FileNotFoundError: If there is no such video.
            ValueError: If it cannot be read, or shows nobody.
        """
        opened = Video(video)
        thumbnails = Thumbnails(opened.declared_frames)
        shown = progress.each(opened.frames(), "following people", opened.declared_frames, "frame")
        frames = thumbnails.watch(shown)
        with _small_pictures():
            followed = follow_people(frames, self._detectors, self._landmarkers, self.config, ShotCuts())
        facts = opened.facts()
        if not followed.tracks:
            raise ValueError(
                f"No person found in {video} ({facts.frames} frames); give a video that shows one."
            )
        return Watched(facts, followed.tracks, followed.cuts_s, tuple(thumbnails.kept))


@contextmanager
def _small_pictures() -> Iterator[None]:
    """OpenCV's threads cost more than they save on crops, and the networks want the processors."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
