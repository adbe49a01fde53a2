"""What is thought of an estimate: a trust for every frame, which frames failed, and why."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jaxtyping import Bool, Float
from numpy import ndarray

from motionary.motion import gaps


class Verdict(StrEnum):
    """What a clip is good for."""

    GOOD = "good"
    """To be used as it is."""
    PARTLY = "partly"
    """Usable between its failed stretches."""
    BAD = "bad"
    """Better left out."""


@dataclass(frozen=True)
class VerdictConfig:
    """Where verdicts begin and end."""

    good_share: float = 0.9
    """A good clip has at least this share of frames that did not fail,"""
    longest_good_s: float = 0.5
    """and no failed stretch longer than this."""
    bad_share: float = 0.5
    """A clip with a smaller share is bad,"""
    bad_trust: float = 0.4
    """and so is one trusted less on average."""


@dataclass(frozen=True)
class FailedStretch:
    """Successive failed frames."""

    start: int
    stop: int
    """Exclusive."""
    reasons: tuple[str, ...]
    """What speaks against them, the strongest first."""
    filled: bool
    """Whether they were filled from both sides."""


@dataclass(frozen=True)
class Quality:
    """A judged estimate of T frames."""

    trust: Float[ndarray, "T"]
    """0 to 1."""
    failed: Bool[ndarray, "T"]
    stretches: tuple[FailedStretch, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why the verdict is not better; empty for a clip with nothing to say against it."""

    def summary(self, times_s: Float[ndarray, "T"]) -> dict[str, Any]:
        """For a JSON file.

        Args:
            times_s: When each frame was shown.
        """
        step_s = float(times_s[1] - times_s[0]) if len(times_s) > 1 else 0.0
        return {
            "verdict": str(self.verdict),
            "reasons": list(self.reasons),
            "mean_trust": round(float(self.trust.mean()), 4),
            "frames_failed": int(self.failed.sum()),
            "failed": [
                {
                    "start_s": round(float(times_s[stretch.start]), 4),
                    "duration_s": round((stretch.stop - stretch.start) * step_s, 4),
                    "reasons": list(stretch.reasons),
                    "filled": stretch.filled,
                }
                for stretch in self.stretches
            ],
        }


def judge(
    trust: Float[ndarray, "T"],
    failed: Bool[ndarray, "T"],
    stretches: tuple[FailedStretch, ...],
    fps: float,
    config: VerdictConfig | None = None,
) -> Quality:
    """The verdict on a clip, with reasons."""
    config = config or VerdictConfig()
    share = 1 - float(failed.mean())
    longest_s = max((stop - start for start, stop in gaps(~failed)), default=0) / fps
    mean = float(trust[~failed].mean()) if share else 0.0
    reasons = []
    if failed.any():
        causes = _commonest(stretches)
        of = f" ({', '.join(causes)})" if causes else ""
        reasons.append(f"{failed.sum()} of {len(failed)} frames failed{of}")
    if longest_s > config.longest_good_s:
        reasons.append(f"the longest failure lasts {longest_s:.2f} s")
    if mean < config.bad_trust:
        reasons.append(f"frames are trusted {mean:.2f} on average, below {config.bad_trust}")
    if share < config.bad_share or mean < config.bad_trust:
        verdict = Verdict.BAD
    elif share < config.good_share or longest_s > config.longest_good_s:
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.GOOD
    return Quality(trust, failed, stretches, verdict, tuple(reasons))


def _commonest(stretches: tuple[FailedStretch, ...]) -> list[str]:
    """Reasons by the number of frames they hold for."""
    frames: dict[str, int] = {}
    for stretch in stretches:
        for reason in stretch.reasons[:2]:
            frames[reason] = frames.get(reason, 0) + stretch.stop - stretch.start
    return sorted(frames, key=lambda reason: -frames[reason])[:3]
