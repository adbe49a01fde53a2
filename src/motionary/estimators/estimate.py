"""What an estimator returns, and how it is written to a folder."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8
from numpy import ndarray

from motionary.atomic import write_together
from motionary.estimators.pictured import VIEWS_FILE, Pictured, View, frame_at, views_content
from motionary.estimators.strip import Thumbnail, who_is_who
from motionary.estimators.verdict import Quality
from motionary.estimators.video import VideoFacts
from motionary.motion import Motion, gaps

RECEIPT_NAME = "estimate.json"


@dataclass(frozen=True)
class PersonEstimate:
    """One person over one unbroken stretch of a video; every array has one row per frame of the motion."""

    person: int
    """Who it is: stretches of one person, parted by a long gap, share this number."""
    motion: Motion
    times_s: Float[ndarray, "T"]
    """Seconds after the video's first frame."""
    confidence: Float[ndarray, "T"]
    """0 (not seen) to 1."""
    boxes_px: Float[ndarray, "T 4"]
    """(left, top, right, bottom)."""
    view: View
    pictured_translation_m: Float[ndarray, "T 3"] | None = None
    """The motion's translation before the feet were locked: it follows the picture, so overlays use it. None
    where the motion's own does."""
    landmarks_px: Float[ndarray, "T 33 2"] | None = None
    """BlazePose's landmarks; None from an estimator that finds none, as are the two below."""
    visibility: Float[ndarray, "T 33"] | None = None
    standing: Bool[ndarray, "T 4"] | None = None
    """Whether the left heel, left toe, right heel, right toe stand."""
    quality: Quality | None = None
    """Trust and verdict; None while nobody has judged."""

    def frame_at(self, time_s: float) -> int | None:
        """The motion's frame shown at a time of the video; None when the person is not there."""
        return frame_at(self.motion, float(self.times_s[0]), time_s)

    def as_pictured(self) -> Motion:
        """The motion with its root where the picture alone puts it: to draw over the video through `view`."""
        if self.pictured_translation_m is None:
            return self.motion
        return replace(self.motion, translation=self.pictured_translation_m)

    def pictured(self) -> Pictured:
        """What is needed to draw the person over the video."""
        return Pictured(self.person, self.as_pictured(), self.view, float(self.times_s[0]))


@dataclass(frozen=True)
class VideoEstimate:
    """Everybody found in a video; numbered from 1, the most prominent first."""

    video: VideoFacts
    estimator: str
    people: dict[int, PersonEstimate]
    dropped: tuple[str, ...] = ()
    """Who was seen but not kept, and why."""
    cuts_s: tuple[float, ...] = ()
    """When another shot begins; nobody is followed from one shot to the next."""
    thumbnails: tuple[Thumbnail, ...] = ()
    """A few pictures of the video."""

    def summary(self) -> dict[str, Any]:
        """What was seen, for a JSON file."""
        return {
            "video": asdict(self.video),
            "estimator": self.estimator,
            "people": [self._seen(number, person) for number, person in self.people.items()],
            "dropped": list(self.dropped),
            "cuts_s": [round(cut, 4) for cut in self.cuts_s],
        }

    def strip(self) -> UInt8[ndarray, "H W 3"]:
        """A picture that shows who is who.

        Raises:
            ValueError: If there are no thumbnails.
        """
        if not self.thumbnails:
            raise ValueError(f"The estimate of {self.video.name} kept no pictures to show who is who.")
        boxes: dict[int, list[tuple[float, ndarray]]] = {}
        for stretch in self.people.values():
            seen = zip(stretch.times_s.tolist(), stretch.boxes_px, stretch.motion.valid, strict=True)
            boxes.setdefault(stretch.person, []).extend((time_s, box) for time_s, box, valid in seen if valid)
        return who_is_who(self.thumbnails, boxes, self.video.duration_s)

    def _seen(self, number: int, person: PersonEstimate) -> dict[str, Any]:
        motion, view = person.motion, person.view
        seen = motion.valid
        return {
            "file": f"person_{number}.npz",
            "person": person.person,
            "start_s": round(float(person.times_s[0]), 4) + 0.0,  # no -0.0
            "end_s": round(float(person.times_s[-1]), 4),
            "fps": motion.fps,
            "frames": len(motion),
            "frames_seen": int(seen.sum()),
            "coverage": round(len(motion) / motion.fps / max(self.video.duration_s, 1e-9), 4),
            "mean_confidence": round(float(person.confidence[seen].mean()) if seen.any() else 0.0, 4),
            "gaps_s": [
                [round(float(person.times_s[a]), 4), round((b - a) / motion.fps, 4)] for a, b in gaps(seen)
            ],
            "height_px": round(float(np.mean(person.boxes_px[:, 3] - person.boxes_px[:, 1])), 1),
            "off_centre_px": round(self._off_centre_px(person), 1),
            **({"quality": person.quality.summary(person.times_s)} if person.quality else {}),
            "focal_px": round(view.camera.focal_px, 1),
            "camera_tilt_deg": round(
                float(np.degrees(np.arccos(np.clip(view.R_world_camera[1, 1], -1, 1)))), 1
            ),
            "path_m": round(float(np.linalg.norm(np.diff(motion.translation, axis=0), axis=-1).sum()), 3),
        }

    def _off_centre_px(self, person: PersonEstimate) -> float:
        middle = np.array([self.video.width, self.video.height]) / 2
        centres = (person.boxes_px[:, :2] + person.boxes_px[:, 2:]) / 2
        return float(np.linalg.norm(centres - middle, axis=1).mean())


def save_estimate(estimate: VideoEstimate, folder: Path, *, receipt: dict[str, Any] | None = None) -> Path:
    """Write person_<k>.npz for all, people.png, views.json and estimate.json, whole or not at all.

    A person hidden for long gives several files; estimate.json tells by `person` which belong together. Files
    of people that an earlier run found here and this one did not are removed.

    Args:
        estimate: What was found.
        folder: Where it goes.
        receipt: What it was made from, kept in estimate.json: where that is, the others are there too.

    Returns:
        The folder.
    """
    motions = {number: person.motion for number, person in estimate.people.items()}
    contents = {f"person_{number}.npz": motion.to_bytes() for number, motion in motions.items()}
    earlier = [path.name for path in folder.glob("person_*.npz") if path.stem[7:].isdecimal()]
    if estimate.thumbnails:
        _, png = cv2.imencode(".png", estimate.strip()[..., ::-1])
        contents["people.png"] = png.tobytes()
    summary = estimate.summary() | ({"receipt": receipt} if receipt else {})
    contents[VIEWS_FILE] = views_content({k: person.pictured() for k, person in estimate.people.items()})
    contents[RECEIPT_NAME] = (json.dumps(summary, indent=2) + "\n").encode()
    write_together(folder, contents, instead_of=earlier)
    return folder
