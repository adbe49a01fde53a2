"""Which frames and clips to trust: sightings are checked before a body is fitted, motions after.

Failed sightings are cut out, so that short failures are filled from both sides and long ones end a stretch.
Frames that fail only as motion are filled likewise. Works for any estimator: what evidence there is, is used.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from motionary.body.assets import load_body
from motionary.body.skeleton import JOINT_INDEX
from motionary.body.smpl import BodyModel
from motionary.estimators.estimate import PersonEstimate, VideoEstimate
from motionary.estimators.evidence import (
    LandmarkDoubtConfig,
    MotionDoubtConfig,
    doubts_of_landmarks,
    doubts_of_motion,
    doubts_of_projection,
    height_px,
    total,
)
from motionary.estimators.landmarks import LANDMARK_INDEX, Check, Doubts, Landmarks
from motionary.estimators.verdict import FailedStretch, Quality, VerdictConfig, judge
from motionary.motion import Motion, gaps

NOT_SEEN = "not seen"
MAIN_JOINTS = [
    f"{side}_{part}"
    for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
]
"""Joints that are landmarks too."""


@dataclass(frozen=True)
class QualityConfig:
    """How much doubt fails a frame."""

    landmarks: LandmarkDoubtConfig = field(default_factory=LandmarkDoubtConfig)
    motion: MotionDoubtConfig = field(default_factory=MotionDoubtConfig)
    verdict: VerdictConfig = field(default_factory=VerdictConfig)
    beside: float = 0.75
    """Doubt that fails a frame beside a failed one; 1 fails any."""
    longest_hole_s: float = 0.05
    """So short a stretch between failed frames fails with them."""
    longest_filled_s: float = 0.5
    """Longer failures are not filled."""


def check_sightings(times_s: Float[ndarray, "T"], sightings: list[Landmarks], config: QualityConfig) -> Check:
    """Which sightings of one person failed, and what speaks against each.

    Args:
        times_s: When they were made, increasing.
        sightings: As many.
        config: How much doubt is too much.
    """
    doubts = doubts_of_landmarks(times_s, sightings, config.landmarks)
    return Check(times_s, doubts, _failed(total(doubts), times_s, config))


def judge_motion(
    motion: Motion, config: QualityConfig, *, others: Doubts | None = None, times_s: ndarray | None = None
) -> Quality:
    """Trust for every frame of a motion, and the verdict on it.

    Args:
        motion: Frames that are not valid count as not seen.
        config: How much doubt is too much.
        others: What speaks against frames besides the motion itself, such as their sightings.
        times_s: When frames were shown; from 0 at the motion's rate when not given.
    """
    times_s = np.arange(len(motion)) / motion.fps if times_s is None else times_s
    # An interpolated frame's motion says nothing.
    own = {reason: doubt * motion.valid for reason, doubt in doubts_of_motion(motion, config.motion).items()}
    doubts = {**own, **(others or {})}
    doubt = total(doubts)
    failed = _failed(doubt, times_s, config) | ~motion.valid
    trust = np.where(failed, np.minimum(1 / (1 + doubt**3), 0.5), 1 / (1 + doubt**3))
    trust = np.where(motion.valid | (doubt > 0), trust, 0.0)
    named = {NOT_SEEN: (~motion.valid & (doubt < config.beside)).astype(float), **doubts}
    stretches = tuple(
        FailedStretch(start, stop, _reasons(named, start, stop), _fillable(start, stop, motion, config))
        for start, stop in gaps(~failed)
    )
    return judge(trust, failed, stretches, motion.fps, config.verdict)


def judged(
    person: PersonEstimate, body: BodyModel, config: QualityConfig | None = None, check: Check | None = None
) -> PersonEstimate:
    """A person with trust, verdict and repaired motion.

    Args:
        person: As estimated.
        body: The body the motion was estimated on.
        config: How much doubt is too much.
        check: What is known of the sightings.
    """
    config, motion = config or QualityConfig(), person.motion
    others = dict(check.at(person.times_s) if check else {})
    if person.landmarks_px is not None:
        off = off_heights(person, person.landmarks_px, body)
        others |= doubts_of_projection(off, motion.valid, config.motion)
    quality = judge_motion(motion, config, others=others, times_s=person.times_s)
    anew = quality.failed & motion.valid  # the others were filled before the body was fitted
    pictured = replace(person.as_pictured(), valid=~anew).fill_gaps(config.longest_filled_s)
    repaired = replace(motion, valid=~anew).fill_gaps(config.longest_filled_s)
    repaired = replace(repaired, valid=~quality.failed, trust=quality.trust)
    return replace(person, motion=repaired, pictured_translation_m=pictured.translation, quality=quality)


def judged_estimate(estimate: VideoEstimate, body: BodyModel | None = None) -> VideoEstimate:
    """An estimate whose people are all judged, by what evidence there is, unless their estimator did."""
    if all(person.quality for person in estimate.people.values()):
        return estimate
    body = body or load_body()
    people = {
        number: person if person.quality else judged(person, body)
        for number, person in estimate.people.items()
    }
    return replace(estimate, people=people)


def off_heights(
    person: PersonEstimate, landmarks_px: Float[ndarray, "T 33 2"], body: BodyModel
) -> Float[ndarray, "T"]:
    """Mean distance in the picture of the body's joints from the landmarks, in the person's heights."""
    joints = person.as_pictured().joint_positions(body)[:, [JOINT_INDEX[name] for name in MAIN_JOINTS]]
    seen_px = landmarks_px[:, [LANDMARK_INDEX[name] for name in MAIN_JOINTS]]
    off_px = np.linalg.norm(person.view.project(joints.astype(float)) - seen_px, axis=-1).mean(1)
    return off_px / height_px(landmarks_px)


def _failed(
    doubt: Float[ndarray, "T"], times_s: Float[ndarray, "T"], config: QualityConfig
) -> Bool[ndarray, "T"]:
    """Frames with too much doubt, those beside them with nearly so much, and short holes between them."""
    failed = np.zeros(len(doubt), bool)
    for start, stop in gaps(doubt < config.beside):
        failed[start:stop] = (doubt[start:stop] >= 1).any()
    for start, stop in gaps(failed):
        inside = start > 0 and stop < len(failed)
        if inside and times_s[stop] - times_s[start - 1] <= config.longest_hole_s:
            failed[start:stop] = True
    return failed


def _reasons(doubts: Doubts, start: int, stop: int) -> tuple[str, ...]:
    """The reasons that matter in a stretch, the strongest first."""
    strength = {reason: float(doubt[start:stop].max()) for reason, doubt in doubts.items()}
    most = max(strength.values())
    return tuple(
        sorted((r for r in strength if strength[r] >= max(most / 2, 1e-6)), key=lambda r: -strength[r])
    )


def _fillable(start: int, stop: int, motion: Motion, config: QualityConfig) -> bool:
    return start > 0 and stop < len(motion) and (stop - start) / motion.fps <= config.longest_filled_s
