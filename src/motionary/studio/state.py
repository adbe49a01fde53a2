"""Who is on the stage and what was asked for: plain values, without a browser."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from motionary.export.shading import CLAY, PALETTE, Colour
from motionary.features import heading_rad
from motionary.motion import Motion

APART_M = 1.3
"""Between people side by side: arms out, they do not touch much."""
ROWS_APART_M = 2.2
MOST_PEOPLE = 12
MOST_ABREAST = 6
LONGEST_S = 60.0
REAL_COLOUR: Colour = (148, 148, 146)
DOUBTED, TRUSTED = (213, 94, 0), (86, 134, 190)
"""Colours of trust 0 and 1: vermilion and blue, which colour-blind readers tell apart too."""
TRUST_STEPS = 8
"""Shades between them: a page is told of a new colour only when the shade changes."""

Kind = Literal["generated", "real", "shown"]
ColourBy = Literal["person", "source", "trust"]
COLOURINGS: tuple[ColourBy, ...] = get_args(ColourBy)


@dataclass(frozen=True)
class Performer:
    """Somebody to be put on the stage."""

    motion: Motion
    caption: str
    row: int = 0
    """People of one source stand in one row; rows stand behind one another."""
    kind: Kind = "shown"


@dataclass(frozen=True)
class Ask:
    """A wish for new performances."""

    action: str
    num: int = 1
    seconds: float = 3.0
    seed: int = 0

    def checked(self, actions: Sequence[str]) -> "Ask":
        """The wish if it can be granted: browsers send what they like.

        Raises:
            ValueError: If the action is unknown, or a number is out of bounds.
        """
        if self.action not in actions:
            raise ValueError(f"Unknown action {self.action!r}; there are: {', '.join(actions)}.")
        for name, number, least, most in (
            ("People", self.num, 1, MOST_PEOPLE),
            ("Seconds", self.seconds, 0.01, LONGEST_S),
            ("Seed", self.seed, 0, 2**31 - 1),
        ):
            if not least <= number <= most:
                raise ValueError(f"{name} must be {least:g} to {most:g}; got {number!r}.")
        return self


def arrange(performers: Sequence[Performer]) -> list[Motion]:
    """Their motions at one frame rate, placed so that their first frames stand in rows about the origin.

    The rate is the highest among them. Rows of one person each become one row, long ones several lines. All
    are turned by one angle, such that the first person faces +z, where `aim` looks from.
    """
    fps = max(performer.motion.fps for performer in performers)
    angle_rad = -heading_rad(performers[0].motion)
    motions = [performer.motion.resample(fps).turn(angle_rad) for performer in performers]
    rows = [performer.row for performer in performers]
    if len(set(rows)) == len(rows):
        return side_by_side(motions)
    placed: dict[int, Motion] = {}
    members_of = {row: [i for i, own in enumerate(rows) if own == row] for row in sorted(set(rows))}
    lines = [
        members[start : start + MOST_ABREAST]
        for members in members_of.values()
        for start in range(0, len(members), MOST_ABREAST)
    ]
    for depth, members in enumerate(lines):
        for index, motion in zip(members, side_by_side([motions[i] for i in members]), strict=True):
            back = np.array([0, 0, -ROWS_APART_M * depth], np.float32)
            placed[index] = replace(motion, translation=motion.translation + back)
    return [placed[index] for index in range(len(motions))]


def sign(performer: Performer, number: int, num_people: int) -> str:
    """What stands above somebody: the caption where there is room, else whose they are and their number.

    Captions say whose somebody is before a colon, in few words before a comma.
    """
    whose, colon, _ = performer.caption.partition(":")
    if num_people <= MOST_ABREAST:
        return whose if performer.kind == "real" else performer.caption
    return f"{whose.partition(',')[0]} {number}" if colon else str(number)


def side_by_side(motions: Sequence[Motion]) -> list[Motion]:
    """The motions moved along x, so that their first frames stand in a row about x = 0, all at z = 0."""
    middle = (len(motions) - 1) / 2
    return [
        replace(motion, translation=motion.translation - motion.translation[0] * [1, 0, 1] + [place, 0, 0])
        for motion, place in zip(motions, (np.arange(len(motions)) - middle) * APART_M, strict=True)
    ]


def colours(performers: Sequence[Performer], by: ColourBy) -> list[Colour]:
    """A colour for everyone; that of the first frame's trust when by is "trust".

    Real clips beside generated motions are grey, one person alone is clay.
    """
    if by == "trust":
        return [trust_colour(float(performer.motion.trust[0])) for performer in performers]
    beside = len({performer.kind for performer in performers}) > 1
    if len(performers) == 1:
        return [CLAY]
    return [
        REAL_COLOUR
        if beside and performer.kind == "real"
        else PALETTE[(performer.row if by == "source" else index) % len(PALETTE)]
        for index, performer in enumerate(performers)
    ]


def trust_colour(trust: float) -> Colour:
    """From vermilion, not to be believed, to blue, in a few shades."""
    shade = round(min(max(trust, 0.0), 1.0) * TRUST_STEPS) / TRUST_STEPS
    mixed = np.array(DOUBTED) * (1 - shade) + np.array(TRUSTED) * shade
    red, green, blue = (int(channel) for channel in mixed.round())
    return red, green, blue


def path_of(motions: Sequence[Motion], num_frames: int) -> np.ndarray:
    """(T, 3) way of the people's middle over the ground in metres, smoothed, from the origin; to follow it.

    Who ends first stays where they are.
    """
    from scipy.ndimage import gaussian_filter1d

    last = [np.minimum(np.arange(num_frames), len(motion) - 1) for motion in motions]
    ways = [motion.translation[index] for motion, index in zip(motions, last, strict=True)]
    middle = np.mean(ways, axis=0) * [1, 0, 1]
    smooth = gaussian_filter1d(middle, 0.25 * motions[0].fps, axis=0, mode="nearest")
    return (smooth - smooth[0]).astype(np.float32)
