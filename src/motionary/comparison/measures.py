"""Numbers about contenders' clips that need no recogniser, and how far contenders are apart."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from motionary.body.feet import ground_height
from motionary.body.smpl import BodyModel
from motionary.comparison.contenders import Clip, Contender, Stretch
from motionary.evaluation.physical import (
    ActionHabits,
    completeness,
    foot_skate,
    freeze,
    jitter,
    joint_limit_violations,
    ranges,
    speeds,
)
from motionary.motion import Motion
from motionary.rotations import axis_angle_to_matrix

LEAST_FRAMES = 4
"""Jerk needs so many."""


@dataclass(frozen=True)
class Measure:
    """How a number is shown."""

    heading: str
    scale: float = 1.0
    digits: int = 1


MEASURES = {
    "coverage": Measure("coverage %", 100.0),
    "trust": Measure("trust", 1.0, 2),
    "range": Measure("range of motion cm", 100.0),
    "completeness": Measure("completeness %", 100.0, 0),
    "jitter": Measure("jerk m/s³ (smoothness)", 1.0, 0),
    "skate": Measure("skate cm/s"),
    "limits": Measure("joints beyond limits %", 100.0),
    "freeze": Measure("freeze %", 100.0),
}


def pieces(clip: Clip) -> Iterator[Motion]:
    """Motions of a clip without long gaps, long enough to be measured."""
    for stretch in clip.stretches:
        for piece in stretch.motion.split_gaps():
            if len(piece) >= LEAST_FRAMES:
                yield piece


def measure_clips(
    contenders: tuple[Contender, ...], body: BodyModel
) -> dict[str, dict[str, dict[str, float]]]:
    """Contender -> clip -> the numbers of MEASURES; NaN where there is nothing to measure.

    All are measured at the lowest frame rate among the contenders. Completeness and freeze are relative to
    what all contenders together make of the clip.
    """
    measured: dict[str, dict[str, dict[str, float]]] = {contender.name: {} for contender in contenders}
    for name in contenders[0].clips:
        clips = {contender.name: contender.clips[name] for contender in contenders}
        fps = min(s.motion.fps for clip in clips.values() for s in clip.stretches)
        joints = {who: list(_joints(clip, body, fps)) for who, clip in clips.items()}
        habits = _habits([part for parts in joints.values() for part, _ in parts], fps)
        for who, clip in clips.items():
            measured[who][name] = _measure(clip, joints[who], fps, habits)
    return measured


def averages(measured: dict[str, dict[str, float]]) -> dict[str, float]:
    """Mean over the clips of each number, where it is defined."""
    columns = {name: [clip[name] for clip in measured.values()] for name in MEASURES}
    return {name: _mean(values) for name, values in columns.items()}


def apart_mm(
    contenders: tuple[Contender, ...], body: BodyModel, fps: float = 10.0
) -> dict[tuple[str, str], float]:
    """Mean distance of two contenders' joints, mm, at the same times, pelvis aligned and turned alike."""
    found: dict[tuple[str, str], float] = {}
    for a, b in combinations(contenders, 2):
        distances = []
        for name in a.clips:
            times_s = common_times((a.clips[name], b.clips[name]), 1 / fps)
            if len(times_s):
                first, second = (shown_at(c.clips[name], times_s).joint_positions(body) for c in (a, b))
                distances.append(float(_aligned_distance(first, second).mean()))
        found[a.name, b.name] = 1000 * _mean(distances)
    return found


def common_times(clips: tuple[Clip, ...], every_s: float) -> Float[ndarray, "N"]:
    """Times, on a grid, at which every one of the clips shows the person."""
    end_s = max(s.start_s + s.motion.duration_s for clip in clips for s in clip.stretches)
    times_s = np.arange(0, end_s, every_s)
    shown = [np.array([_stretch_at(clip, time_s) is not None for time_s in times_s]) for clip in clips]
    return times_s[np.logical_and.reduce(shown)]


def shown_at(clip: Clip, times_s: Float[ndarray, "N"]) -> Motion:
    """A motion whose frames are what the clip shows at the given times."""
    frames = []
    for time_s in times_s:
        stretch = _stretch_at(clip, float(time_s))
        assert stretch is not None  # the times are common_times
        index = min(round((float(time_s) - stretch.start_s) * stretch.motion.fps), len(stretch.motion) - 1)
        frames.append(stretch.motion.crop(index, index + 1))
    return Motion(
        np.concatenate([frame.pose for frame in frames]),
        np.concatenate([frame.translation for frame in frames]),
        fps=frames[0].fps,
        betas=frames[0].betas,
        valid=np.concatenate([frame.valid for frame in frames]),
        trust=np.concatenate([frame.trust for frame in frames]),
    )


def _stretch_at(clip: Clip, time_s: float) -> Stretch | None:
    half = [0.5 / stretch.motion.fps for stretch in clip.stretches]
    return next(
        (
            stretch
            for stretch, h in zip(clip.stretches, half, strict=True)
            if stretch.start_s - h <= time_s < stretch.start_s + stretch.motion.duration_s - h
        ),
        None,
    )


def _joints(clip: Clip, body: BodyModel, fps: float) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Joint positions and rotations of the clip's pieces, as batches of one."""
    for piece in pieces(clip):
        motion = piece.resample(fps)
        if len(motion) >= LEAST_FRAMES:
            joints = torch.from_numpy(motion.joint_positions(body))
            yield joints[None], axis_angle_to_matrix(torch.from_numpy(motion.pose))[None]


def _habits(joints: list[torch.Tensor], fps: float) -> ActionHabits | None:
    if not joints:
        return None
    range_m = torch.cat([ranges(part) for part in joints])
    speed = torch.cat([speeds(part, fps).mean(-2) for part in joints])
    return ActionHabits.of(range_m, speed, torch.zeros(len(joints), dtype=torch.long), 1)


def _measure(
    clip: Clip, joints: list[tuple[torch.Tensor, torch.Tensor]], fps: float, habits: ActionHabits | None
) -> dict[str, float]:
    seen_s = sum(float(s.motion.valid.sum()) / s.motion.fps for s in clip.stretches)
    trust = np.concatenate([s.motion.trust for s in clip.stretches])
    numbers = {"coverage": min(seen_s / max(clip.duration_s, 1e-9), 1.0), "trust": float(trust.mean())}
    action, rows, weights = torch.zeros(1, dtype=torch.long), [], []
    for positions, rotations in joints if habits else []:
        assert habits is not None
        rows.append(
            {
                "range": float(ranges(positions).mean()),
                "completeness": float(completeness(positions, action, habits)),
                "jitter": float(jitter(positions, fps)),
                "skate": float(foot_skate(positions, fps, ground_height(positions))),
                "limits": float(joint_limit_violations(rotations)),
                "freeze": float(freeze(positions, action, fps, habits)),
            }
        )
        weights.append(positions.shape[1])
    for name in MEASURES.keys() - numbers.keys():
        numbers[name] = _mean([row[name] for row in rows], weights)
    return numbers


def _mean(values: list[float], weights: list[int] | None = None) -> float:
    known = np.isfinite(values) if values else np.zeros(0, bool)
    if not known.any():
        return float("nan")
    return float(np.average(np.array(values)[known], weights=np.array(weights)[known] if weights else None))


def _aligned_distance(a: Float[ndarray, "N 24 3"], b: Float[ndarray, "N 24 3"]) -> Float[ndarray, "N"]:
    """Distance of joints from the pelvis after the best turn of each frame (Kabsch 1976)."""
    a, b = a - a[:, :1], b - b[:, :1]
    U, _, Vt = np.linalg.svd(a.swapaxes(1, 2) @ b)
    signs = np.ones((len(a), 1, 3))
    signs[:, 0, 2] = np.sign(np.linalg.det(U @ Vt))
    return np.linalg.norm(a @ ((U * signs) @ Vt) - b, axis=-1).mean(1)
