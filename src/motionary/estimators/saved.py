"""A saved estimate: who was seen when, as estimate.json tells, and whom of them a user wants."""

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from motionary.documents import parse_json, read_text
from motionary.estimators.choosing import check_choice
from motionary.motion import Motion

LEAST_SHARE = 0.5
"""Whoever is seen for less than this share of the time of whoever is seen longest is nobody's choice."""


@dataclass(frozen=True)
class Stretch:
    """Some of the frames of one person_<k>.npz."""

    path: Path
    person: int
    """Who it is, as numbered in the video."""
    start_s: float
    """When its first frame is shown, seconds after the video's first frame."""
    fps: float
    first: int
    """Position of its first frame in the file."""
    frames: int
    height_px: float
    off_centre_px: float
    """Distance from the picture's middle. Both are means over the whole file."""
    verdict: str | None = None

    def motion(self) -> Motion:
        """The motion of these frames."""
        return Motion.load(self.path).crop(self.first, self.first + self.frames)

    def within(self, start_s: float, end_s: float | None) -> "Stretch":
        """The frames shown from a time on, and before another."""
        first = max(0, math.ceil((start_s - self.start_s) * self.fps - 1e-3))
        stop = self.frames if end_s is None else math.ceil((end_s - self.start_s) * self.fps - 1e-3)
        return Stretch(
            self.path,
            self.person,
            self.start_s + first / self.fps,
            self.fps,
            self.first + first,
            max(0, min(stop, self.frames) - first),
            self.height_px,
            self.off_centre_px,
            self.verdict,
        )


def read_estimate(folder: Path) -> list[Stretch]:
    """Everybody in a folder that `save_estimate` wrote.

    Raises:
        FileNotFoundError: If there is no estimate.json.
        ValueError: If it is damaged, or of a version without sizes.
    """
    path = folder / "estimate.json"
    try:
        return [
            Stretch(
                folder / seen["file"],
                int(seen["person"]),
                float(seen["start_s"]),
                float(seen["fps"]),
                0,
                int(seen["frames"]),
                float(seen["height_px"]),
                float(seen["off_centre_px"]),
                seen.get("quality", {}).get("verdict"),
            )
            for seen in parse_json(read_text(path), "it")["people"]
        ]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ValueError(f"{path} is not a readable estimate ({error}): estimate the video again.") from None


MEASURES: dict[str, Callable[[list[Stretch]], float]] = {
    "largest": lambda stretches: _mean(stretches, lambda stretch: stretch.height_px),
    "central": lambda stretches: -_mean(stretches, lambda stretch: stretch.off_centre_px),
    "longest": lambda stretches: _seconds(stretches),
}
"""By the names of `choosing.CHOICES`; the person with the most of it is chosen."""


def choose_stretches(
    stretches: list[Stretch], who: str, start_s: float = 0.0, end_s: float | None = None
) -> list[Stretch]:
    """One person's stretches, or everybody's, cut to a time.

    Args:
        stretches: Everybody.
        who: "largest", "central", "longest", a person's number, or "all"; see `choosing.choose`.
        start_s: From when on.
        end_s: Up to when; to the end when None.

    Returns:
        Stretches of two frames or more; none where nobody, or not the one of that number, is seen then.

    Raises:
        ValueError: If `who` is nothing of that kind.
    """
    check_choice(who)
    cut = [stretch.within(start_s, end_s) for stretch in stretches]
    by_person: dict[int, list[Stretch]] = defaultdict(list)
    for stretch in cut:
        if stretch.frames > 1:
            by_person[stretch.person].append(stretch)
    if who == "all" or not by_person:
        return [stretch for found in by_person.values() for stretch in found]
    if who not in MEASURES:
        return by_person.get(int(who), [])
    longest_s = max(map(_seconds, by_person.values()))
    candidates = [found for found in by_person.values() if _seconds(found) >= LEAST_SHARE * longest_s]
    return max(candidates, key=MEASURES[who])


def _seconds(stretches: list[Stretch]) -> float:
    return sum(stretch.frames / stretch.fps for stretch in stretches)


def _mean(stretches: list[Stretch], measure: Callable[[Stretch], float]) -> float:
    """Mean over frames."""
    return sum(measure(stretch) * stretch.frames for stretch in stretches) / sum(
        stretch.frames for stretch in stretches
    )
