"""Which of the people in a video a user wants."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from motionary.estimators.estimate import PersonEstimate, VideoEstimate

Stretches = list[PersonEstimate]
"""Everything seen of one person."""


def _height_px(stretches: Stretches, _: VideoEstimate) -> float:
    heights = [person.boxes_px[:, 3] - person.boxes_px[:, 1] for person in stretches]
    return float(np.concatenate(heights).mean())


def _centrality(stretches: Stretches, estimate: VideoEstimate) -> float:
    middle = np.array([estimate.video.width, estimate.video.height]) / 2
    boxes = np.concatenate([person.boxes_px for person in stretches])
    return -float(np.linalg.norm((boxes[:, :2] + boxes[:, 2:]) / 2 - middle, axis=1).mean())


def _seconds_seen(stretches: Stretches, _: VideoEstimate) -> float:
    return float(sum(person.motion.valid.sum() / person.motion.fps for person in stretches))


CHOICES: dict[str, Callable[[Stretches, VideoEstimate], float]] = {
    "largest": _height_px,
    "central": _centrality,
    "longest": _seconds_seen,
}
"""Name -> measure; the person with the most of it is chosen."""


def check_choice(who: str) -> None:
    """Raise a ValueError unless `who` is "all", one of CHOICES or a person's number, from 1."""
    if who != "all" and who not in CHOICES and not (who.isdecimal() and int(who) > 0):
        known = ", ".join(CHOICES)
        raise ValueError(f"A person is chosen by {known}, all or a number from 1 on; got {who!r}.")


def choose(estimate: VideoEstimate, who: str) -> VideoEstimate:
    """The same estimate with one person's stretches alone, or with everybody's.

    Args:
        estimate: Everybody.
        who: "largest" (tallest in the picture, on average), "central" (nearest to its middle, on average),
            "longest" (seen for the longest time), a person's number, or "all".

    Raises:
        ValueError: If `who` is nothing of that kind, or there is no person of that number.
    """
    check_choice(who)
    if who == "all":
        return estimate
    by_person: dict[int, Stretches] = {}
    for stretch in estimate.people.values():
        by_person.setdefault(stretch.person, []).append(stretch)
    if who in CHOICES:
        chosen = max(by_person, key=lambda number: CHOICES[who](by_person[number], estimate))
    else:
        chosen = int(who)
    if chosen not in by_person:
        known = ", ".join(map(str, sorted(by_person)))
        raise ValueError(f"{estimate.video.name} shows no person {chosen}; there is {known}.")
    others = tuple(f"person {number}: {who} was asked for" for number in by_person if number != chosen)
    people = dict(enumerate(by_person[chosen], start=1))
    return replace(estimate, people=people, dropped=estimate.dropped + others)
