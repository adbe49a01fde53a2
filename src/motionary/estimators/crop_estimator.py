"""Videos to people with a network that looks at crops: find everybody, show them to it, put them in place.

Two passes over a video. In the first another estimator finds and follows people and the upright; in the
second their crops go through the network a few at a time, so that memory does not grow with the pictures.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from numpy import ndarray
from torch import Tensor, nn

from motionary import progress
from motionary.body.assets import ASSETS, load_body
from motionary.body.smpl import BodyModel
from motionary.estimators.blazepose import BlazePose
from motionary.estimators.crops import (
    Boxes,
    CropBodies,
    CropNetwork,
    boxes_around,
    crop_picture,
    normalised,
)
from motionary.estimators.estimate import PersonEstimate, VideoEstimate
from motionary.estimators.fitting import one_thread
from motionary.estimators.one_euro import OneEuro
from motionary.estimators.placing import SMOOTHINGS, PlaceConfig, Sightings, placed
from motionary.estimators.quality import QualityConfig, judged
from motionary.estimators.video import Video

JUDGED = QualityConfig()
PROTOCOLS = ("motionary", "vibe")
PIXEL_CENTRE = 0.5
"""Landmarks count positions from the image's corner, crops from the first pixel's centre."""


@dataclass(frozen=True)
class CropConfig:
    """How a network of crops is run over videos."""

    protocol: str = "motionary"
    """"vibe" does as VIBE's and PARE's own programs do, their slips included: the camera as if crops were no
    larger than boxes, nobody turned to where they stand, feet free to slide, clips of 450 frames."""
    smoothing: str | None = None
    """Of rotations over time: geodesic, elementwise as published, or none. None: geodesic, or none with the
    protocol "vibe", as is published."""
    device: str = "auto"
    """Where torch computes; auto takes a GPU where there is one."""
    batch_size: int = 16
    """Crops that go through the network at a time."""

    def __post_init__(self) -> None:
        """Check the choices."""
        if self.protocol not in PROTOCOLS:
            raise ValueError(f"protocol must be {' or '.join(PROTOCOLS)}; got {self.protocol!r}.")
        if self.smoothing not in (None, *SMOOTHINGS):
            raise ValueError(f"smoothing must be {' or '.join(SMOOTHINGS)}; got {self.smoothing!r}.")
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be at least 1; got {self.batch_size}.")

    def place(self, published: OneEuro, matrices: bool) -> PlaceConfig:
        """What it means for putting bodies in place."""
        as_published = self.protocol == "vibe"
        smoothing = self.smoothing or ("none" if as_published else "geodesic")
        return PlaceConfig(smoothing, published, matrices, as_published)


@dataclass(frozen=True)
class Publication:
    """What a published system does around its network."""

    name: str
    smoothing: OneEuro
    smooths_matrices: bool
    """Element by element on rotation matrices; else on rotation vectors."""
    clip_frames: int | None = None
    """Its programs forget what they saw after as many frames."""


@dataclass
class Reel:
    """One person's crops on their way through the network."""

    person: PersonEstimate
    boxes: Boxes
    wanted: Bool[ndarray, "T"]
    """Which of the person's frames are to be shown."""
    crops: list[UInt8[ndarray, "S S 3"]] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    """Of the person's motion, growing."""
    bodies: list[CropBodies] = field(default_factory=list)
    memory: Any = None

    def wants(self, time_s: float) -> int | None:
        """The person's frame that a time shows, if it is wanted, has a box and was not shown yet."""
        frame = self.person.frame_at(time_s)
        if frame is None or not self.boxes.start <= frame < self.boxes.stop:
            return None
        return frame if self.wanted[frame] and (not self.frames or frame > self.frames[-1]) else None

    def box_at(self, frame: int) -> ndarray:
        """Centre and side, pixels."""
        return self.boxes.boxes_px[frame - self.boxes.start]


class CropEstimator:
    """Video -> people, by a network that looks at crops.

    Args:
        network: Ready to be used; see `CropNetwork`.
        publication: What its makers do around it.
        config: How it is run.
        body: The body that performs; the SMPL model where it was set up, else the free body.
        finder: Finds people, their landmarks and the upright; BlazePose when None.
        quality: How the result is judged and repaired; None leaves it as it is.
        find: Options of BlazePose, such as focal_px.
    """

    def __init__(
        self,
        network: CropNetwork,
        publication: Publication,
        config: CropConfig | None = None,
        *,
        body: BodyModel | None = None,
        finder: Callable[[Path], VideoEstimate] | None = None,
        quality: QualityConfig | None = JUDGED,
        **find: Any,
    ) -> None:
        self.network, self.publication, self.config = network, publication, config or CropConfig()
        self.name = publication.name
        self.device = chosen_device(self.config.device)
        if isinstance(network, nn.Module):
            network.to(self.device)
        self.body = body or load_body("smpl" if ASSETS["smpl"].installed() else "free")
        self.quality = quality
        self.finder = finder or _blazepose(self.body, find)

    def __call__(self, video: Path) -> VideoEstimate:
        """Estimate everybody's motion; see `Estimator`."""
        found = self.finder(video)
        reels, dropped = self._reels(found.people)
        self._show(video, list(reels.values()))
        config = self.config.place(self.publication.smoothing, self.publication.smooths_matrices)
        people = {}
        with one_thread():
            for number, reel in reels.items():
                if reel.bodies:
                    person = placed(reel.person, self._sightings(reel), self.body, config)
                    people[number] = judged(person, self.body, self.quality) if self.quality else person
                else:
                    dropped.append(f"person {reel.person.person}: no frame to look at")
        if not people:
            raise ValueError(f"No person in {video} could be cropped; give a video that shows one.")
        numbered = dict(enumerate(people.values(), start=1))
        return replace(found, estimator=self.name, people=numbered, dropped=(*found.dropped, *dropped))

    def _reels(self, people: dict[int, PersonEstimate]) -> tuple[dict[int, Reel], list[str]]:
        reels, dropped = {}, []
        for number, person in people.items():
            if person.landmarks_px is None or person.visibility is None:
                raise ValueError(
                    "A crop network needs people found with their landmarks, as blazepose finds them."
                )
            seen = person.motion.valid
            boxes = boxes_around(person.landmarks_px - PIXEL_CENTRE, person.visibility * seen[:, None])
            if boxes is None:
                dropped.append(f"person {person.person}, from {person.times_s[0]:.2f} s: nothing to crop")
            else:
                # VIBE's programs also crop where nobody was seen, between boxes.
                wanted = np.ones_like(seen) if self.config.protocol == "vibe" else seen
                reels[number] = Reel(person, boxes, wanted)
        return reels, dropped

    def _show(self, video: Path, reels: list[Reel]) -> None:
        """Crop everybody in every frame, and show the crops to the network."""
        opened = Video(video)
        frames = progress.each(opened.frames(), "looking at people", opened.declared_frames, "frame")
        for frame in frames:
            wanted = [(reel, at) for reel in reels if (at := reel.wants(frame.time_s)) is not None]
            picture = frame.rgb() if wanted else None
            for reel, at in wanted:
                assert picture is not None
                reel.crops.append(crop_picture(picture, reel.box_at(at), self.network.crop_scale))
                reel.frames.append(at)
                if len(reel.crops) == self.config.batch_size or self._ends_clip(reel):
                    self._look(reel)
        for reel in reels:
            self._look(reel)

    def _ends_clip(self, reel: Reel) -> bool:
        clip = self.publication.clip_frames if self.config.protocol == "vibe" else None
        return clip is not None and len(reel.frames) % clip == 0

    def _look(self, reel: Reel) -> None:
        if not reel.crops:
            return
        crops = torch.from_numpy(np.stack(reel.crops)).to(self.device)
        with torch.inference_mode(), exact_convolutions():
            bodies, memory = self.network.follow(normalised(crops), reel.memory)
        reel.bodies.append(bodies.cpu())
        reel.memory = None if self._ends_clip(reel) else memory
        reel.crops.clear()

    def _sightings(self, reel: Reel) -> Sightings:
        def joined(name: str) -> Tensor:
            return torch.cat([getattr(part, name) for part in reel.bodies]).double()

        bodies = CropBodies(joined("rotations"), joined("betas"), joined("camera"))
        boxes = np.stack([reel.box_at(frame) for frame in reel.frames])
        corner = boxes + np.array([PIXEL_CENTRE, PIXEL_CENTRE, 0])
        return Sightings(np.array(reel.frames), corner, self.network.crop_scale, bodies)


def _blazepose(body: BodyModel, options: dict[str, Any]) -> BlazePose:
    known = inspect.signature(BlazePose).parameters
    if unknown := [name for name in options if name not in known]:
        raise ValueError(
            f"There is no option {unknown[0]!r}; BlazePose, which finds people, has {', '.join(known)}."
        )
    return BlazePose(body=body, **options)


def chosen_device(name: str) -> torch.device:
    """The device of a name; auto is a GPU where there is one.

    Raises:
        ValueError: If there is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.zeros(0, device=name).device
    except (RuntimeError, AssertionError):
        raise ValueError(f"There is no device {name!r} here; take auto, cpu or cuda.") from None


def exact_convolutions() -> Any:
    """A context in which GPUs keep all bits of float32, as the published vectors were made."""
    return torch.backends.cudnn.flags(
        enabled=torch.backends.cudnn.enabled,
        benchmark=torch.backends.cudnn.benchmark,
        deterministic=torch.backends.cudnn.deterministic,
        allow_tf32=False,
    )
