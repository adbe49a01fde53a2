"""The study's four rules for a clip, each with figures, a verdict and a reason.

1. The whole movement and only it; of two in a row, a round-off and a back handspring, the second.
2. The gymnast is alone.
3. One camera, no cut.
4. Good resolution: 720p or more, and sharp.

The figures' limits are ours: docs/finegym.md says on what they were chosen and tested.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from motionary.finegym.looking import Sightings, Sights
from motionary.finegym.movement import Burst, BurstConfig, find_bursts

Rule = Literal["whole", "alone", "one camera", "quality"]
Verdict = Literal["accept", "trim", "reject"]


@dataclass(frozen=True)
class RuleConfig:
    """Where the limits are."""

    bursts: BurstConfig = field(default_factory=BurstConfig)
    margin_s: float = 0.15
    """Kept before and after a movement when a clip is trimmed to it."""
    within: float = 0.5
    """Share of a movement that must lie in the annotated element, or the reverse."""
    other_height: float = 0.45
    """Others smaller than this share of the gymnast are far off and do not count."""
    other_s: float = 0.4
    """Nor do those seen for a shorter time beside the gymnast."""
    same_overlap: float = 0.7
    """Share of the smaller box inside the other from which both are of one person, followed twice."""
    fastest_camera: float = 1.5
    """Picture widths per second above which a camera is swung rather than moved along."""
    least_side_px: int = 720
    least_sharpness: float = 0.4


@dataclass(frozen=True)
class Finding:
    """What one rule says of a clip."""

    rule: Rule
    good: bool
    reason: str
    figures: dict[str, float]


@dataclass(frozen=True)
class Judgement:
    """All rules on a clip, and what to keep of it. Times are seconds of the clip."""

    verdict: Verdict
    reason: str
    keep_start: float
    keep_end: float
    findings: tuple[Finding, ...]


def judge(sights: Sights, element_s: tuple[float, float], config: RuleConfig) -> Judgement:
    """Apply the four rules.

    Args:
        sights: What was seen.
        element_s: From when to when the annotated element lasts in the clip, at the most.
        config: Where the limits are.
    """
    whole, kept = whole_movement(sights, element_s, config)
    findings = (whole, alone(sights, config), one_camera(sights, config), quality(sights, config))
    bad = [finding for finding in findings if not finding.good]
    end_s = _end(sights)
    trimmed = kept != (0.0, end_s)
    verdict: Verdict = "reject" if bad else "trim" if trimmed else "accept"
    reason = "; ".join(finding.reason for finding in bad) or whole.reason
    return Judgement(verdict, reason, *kept, findings)


def whole_movement(
    sights: Sights, element_s: tuple[float, float], config: RuleConfig
) -> tuple[Finding, tuple[float, float]]:
    """One burst of movement in the element, begun and ended within the clip; and what to keep for it."""
    bursts, begun, unended = find_bursts(sights.times_s.tolist(), sights.speed.tolist(), config.bursts)
    everything = (0.0, _end(sights))
    of_element = [burst for burst in bursts if _within(burst, element_s) >= config.within]
    figures = {
        "movements": float(len(of_element)),
        "elsewhere": float(len(bursts) - len(of_element)),
        "fastest_heights_per_s": round(max((burst.fastest for burst in bursts), default=0.0), 2),
    }

    def say(good: bool, reason: str) -> Finding:
        return Finding("whole", good, reason, figures)

    if not of_element:
        return say(False, "no movement in the element"), everything
    if len(of_element) > 2:
        return say(False, f"{len(of_element)} movements one after another"), everything
    burst = of_element[-1]  # of two, the second: a back handspring follows a round-off
    if begun and burst is bursts[0]:
        return say(False, "under way when the clip begins"), everything
    if unended and burst is bursts[-1]:
        return say(False, "not over when the clip ends"), everything
    if len(bursts) == 1:
        return say(True, "one movement"), everything
    reason = "the second of two movements" if len(of_element) == 2 else "others before or after it left out"
    return say(True, reason), _around(burst, bursts, everything, config.margin_s)


def alone(sights: Sights, config: RuleConfig) -> Finding:
    """Nobody near the gymnast's size is in the picture at the same time."""
    if not sights.people:
        return Finding("alone", False, "nobody was found", {"people": 0.0, "together_s": 0.0})
    gymnast, *others = sights.people
    together_s = [
        _seconds_beside(gymnast, other, sights, config.same_overlap)
        for other in others
        if other.height_px >= config.other_height * gymnast.height_px
    ]
    longest_s = max(together_s, default=0.0)
    people = 1 + sum(seconds >= config.other_s for seconds in together_s)
    reason = "alone" if people == 1 else f"{people} people"
    return Finding("alone", people == 1, reason, {"people": float(people), "together_s": round(longest_s, 2)})


def one_camera(sights: Sights, config: RuleConfig) -> Finding:
    """No cut, and no camera that swings about."""
    moved = sights.camera[np.isfinite(sights.camera)]
    usual, fastest = (float(np.percentile(moved, q)) if len(moved) else 0.0 for q in (50, 95))
    figures = {
        "cuts": float(len(sights.cuts)),
        "camera_widths_per_s": round(usual, 3),
        "fastest_camera_widths_per_s": round(fastest, 3),
    }
    if sights.cuts:
        at = ", ".join(f"{sights.times_s[cut]:.2f} s" for cut in sights.cuts)
        return Finding("one camera", False, f"cut at {at}", figures)
    if fastest > config.fastest_camera:
        return Finding("one camera", False, "the camera is swung", figures)
    return Finding("one camera", True, "one camera", figures)


def quality(sights: Sights, config: RuleConfig) -> Finding:
    """Large enough, and sharp at least in its sharpest moments: fast movement blurs for an instant only."""
    side = min(sights.width, sights.height)
    sharp = float(np.percentile(sights.sharpness, 80))
    figures = {"height": float(side), "sharpness": round(sharp, 3)}
    if side < config.least_side_px:
        return Finding("quality", False, f"{side} lines; {config.least_side_px} are needed", figures)
    if sharp < config.least_sharpness:
        return Finding("quality", False, f"blurred: sharpness {sharp:.2f}", figures)
    return Finding("quality", True, "sharp", figures)


def _end(sights: Sights) -> float:
    """When the last frame ends; it is taken to last as long as usual."""
    steps = np.diff(sights.times_s)
    return float(sights.times_s[-1] + (np.median(steps) if len(steps) else 0.0))


def _within(burst: Burst, element_s: tuple[float, float]) -> float:
    """Share that burst and element have in common, of the shorter of them."""
    common = min(burst.end_s, element_s[1]) - max(burst.start_s, element_s[0])
    shorter = min(burst.end_s - burst.start_s, element_s[1] - element_s[0])
    return max(common, 0.0) / max(shorter, 1e-6)


def _around(
    burst: Burst, bursts: Sequence[Burst], everything: tuple[float, float], margin_s: float
) -> tuple[float, float]:
    """A movement with some margin, no farther than half-way to those before and after it."""
    index = list(bursts).index(burst)
    earliest = (bursts[index - 1].end_s + burst.start_s) / 2 if index else everything[0]
    latest = (burst.end_s + bursts[index + 1].start_s) / 2 if index + 1 < len(bursts) else everything[1]
    return (
        round(max(burst.start_s - margin_s, earliest, 0.0), 3),
        round(min(burst.end_s + margin_s, latest), 3),
    )


def _seconds_beside(a: Sightings, b: Sightings, sights: Sights, same_overlap: float) -> float:
    """How long two people are seen at the same time in different places."""
    both = np.flatnonzero(a.there(sights.times_s) & b.there(sights.times_s))
    step_s = np.diff(sights.times_s, append=_end(sights))
    apart = [
        frame
        for frame, time_s in zip(both, sights.times_s[both], strict=True)
        if _shared(a.at(float(time_s)), b.at(float(time_s))) < same_overlap
    ]
    return float(step_s[apart].sum())


def _shared(a: Float[ndarray, "4"], b: Float[ndarray, "4"]) -> float:
    """Share of the smaller of two boxes that lies in the other."""
    common = np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None)
    smaller = min(float(np.prod(box[2:] - box[:2])) for box in (a, b))
    return float(np.prod(common)) / max(smaller, 1e-6)
