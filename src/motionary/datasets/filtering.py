"""Which clips are worth learning from: by length, quality, speed, action and person.

C clips.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.body.assets import load_body
from motionary.datasets.actions import ClipRecord, Rejected
from motionary.datasets.editing import Edit
from motionary.datasets.folder import Dataset
from motionary.datasets.packed import open_packed
from motionary.motion import Motion

_LIKE_NORMAL = 1.4826
"""Median absolute deviation -> standard deviation, for a normal distribution."""


@dataclass(frozen=True)
class FilterOptions:
    """What a clip must be like to stay; what is not given does not count."""

    min_s: float | None = None
    max_s: float | None = None
    min_coverage: float | None = None
    """Share of frames that were observed rather than filled."""
    min_trust: float | None = None
    """Mean trust of its frames."""
    verdicts: tuple[str, ...] = ()
    """Of the estimator: one of these. Clips that nobody judged stay."""
    max_speed_m_s: float | None = None
    """Of its fastest joint."""
    speed_outliers: float | None = None
    """Its fastest joint's speed is within so many deviations of its action's median, by a robust measure."""
    actions: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that every bound can be meant."""
        for name in ("min_s", "max_s", "min_coverage", "min_trust", "max_speed_m_s", "speed_outliers"):
            value = getattr(self, name)
            if value is not None and not value >= 0:
                raise ValueError(f"{name} must be zero or a positive number; got {value}.")
        if self.min_s is not None and self.max_s is not None and self.min_s > self.max_s:
            raise ValueError(f"min_s must not be above max_s; got {self.min_s} and {self.max_s}.")


def filter_clips(dataset: Dataset, options: FilterOptions) -> Edit:
    """Leave out clips that are not as the options want; each with the first reason against it.

    Raises:
        ValueError: If the options name an action, subject or verdict that the data set does not have.
    """
    _check_names(dataset, options)
    speeds = None
    if options.max_speed_m_s is not None or options.speed_outliers is not None:
        speeds = top_speeds_m_s(dataset)
    strangeness = None if speeds is None else strange_speeds(dataset, speeds)
    motions = _motions(dataset) if options.min_trust is not None or options.min_coverage is not None else None
    kept, dropped = [], []
    for index, clip in enumerate(dataset.clips):
        reasons = _index_reasons(clip, options)
        if motions is not None:
            reasons += _trust_reasons(next(motions), options)
        if speeds is not None and strangeness is not None:
            reasons += _speed_reasons(float(speeds[index]), float(strangeness[index]), options)
        if reasons:
            dropped.append(Rejected(clip.path, reasons[0]))
        else:
            kept.append(clip)
    given = {name: value for name, value in asdict(options).items() if value not in (None, ())}
    return Edit("filter", given, tuple(kept), tuple(dropped))


def top_speeds_m_s(dataset: Dataset) -> Float[ndarray, "C"]:
    """Speed of every clip's fastest joint between two frames; 0 for a clip of one frame."""
    body = load_body()
    return np.array([_top_speed(motion.joint_positions(body), motion.fps) for motion in _motions(dataset)])


def strange_speeds(dataset: Dataset, speeds_m_s: Float[ndarray, "C"]) -> Float[ndarray, "C"]:
    """How far each clip's speed is from the median of its action, in deviations, on a scale of ratios.

    The deviation is the median absolute one of the action, but at least a tenth: an action whose clips are
    all alike has no outliers.
    """
    logs = np.log(np.maximum(speeds_m_s, 1e-3))
    strange = np.zeros(len(logs))
    members: dict[str, list[int]] = defaultdict(list)
    for index, clip in enumerate(dataset.clips):
        members[clip.action].append(index)
    for indices in members.values():
        away = np.abs(logs[indices] - np.median(logs[indices]))
        strange[indices] = away / max(_LIKE_NORMAL * float(np.median(away)), 0.1)
    return strange


def _motions(dataset: Dataset) -> Iterator[Motion]:
    packed = open_packed(dataset)
    return (packed.motion(clip.path) for clip in dataset.clips)


def _top_speed(joints_m: Float[ndarray, "T 24 3"], fps: float) -> float:
    steps = np.linalg.norm(np.diff(joints_m, axis=0), axis=-1)
    return float(steps.max(initial=0.0)) * fps


def _index_reasons(clip: ClipRecord, options: FilterOptions) -> list[str]:
    reasons = []
    if options.actions and clip.action not in options.actions:
        reasons.append(f"shows {clip.action}")
    if options.subjects and clip.subject not in options.subjects:
        reasons.append(f"shows {clip.subject or 'nobody known'}")
    if options.min_s is not None and clip.duration_s < options.min_s:
        reasons.append(f"takes {clip.duration_s:.2f} s, less than {options.min_s:g} s")
    if options.max_s is not None and clip.duration_s > options.max_s:
        reasons.append(f"takes {clip.duration_s:.2f} s, more than {options.max_s:g} s")
    if options.verdicts and clip.verdict is not None and clip.verdict not in options.verdicts:
        reasons.append(f"its verdict is {clip.verdict}")
    return reasons


def _trust_reasons(motion: Motion, options: FilterOptions) -> list[str]:
    reasons = []
    coverage, trust = float(motion.valid.mean()), float(motion.trust.mean())
    if options.min_coverage is not None and coverage < options.min_coverage:
        reasons.append(f"{coverage:.0%} of its frames were seen, less than {options.min_coverage:.0%}")
    if options.min_trust is not None and trust < options.min_trust:
        reasons.append(f"its mean trust is {trust:.2f}, less than {options.min_trust:g}")
    return reasons


def _speed_reasons(speed_m_s: float, strangeness: float, options: FilterOptions) -> list[str]:
    reasons = []
    if options.max_speed_m_s is not None and speed_m_s > options.max_speed_m_s:
        reasons.append(f"a joint moves at {speed_m_s:.1f} m/s, above {options.max_speed_m_s:g} m/s")
    if options.speed_outliers is not None and strangeness > options.speed_outliers:
        reasons.append(
            f"its top speed, {speed_m_s:.1f} m/s, is {strangeness:.1f} deviations from its action's median"
        )
    return reasons


def _check_names(dataset: Dataset, options: FilterOptions) -> None:
    for what, wanted, known in (
        ("action", options.actions, set(dataset.actions)),
        ("subject", options.subjects, {clip.subject for clip in dataset.clips if clip.subject}),
    ):
        if unknown := sorted(set(wanted) - known):
            there = ", ".join(sorted(known)) or "none"
            raise ValueError(f"{dataset.root} has no {what} {', '.join(unknown)}; it has: {there}.")
    if options.verdicts and all(clip.verdict is None for clip in dataset.clips):
        raise ValueError(f"No clip of {dataset.root} has a verdict; filter by trust or coverage instead.")
