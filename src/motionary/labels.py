"""Labels of actions: as text, as file names, and those of the data sets that ACTOR was published on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

LONGEST_NAME_BYTES = 100
"""Of a file that is called after a label; file systems take 255 with all that is added."""
_BLANKS = re.compile(r"[\t-\r\x1c-\x1e\x85\u2028\u2029]+")
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
"""What works a terminal, and bytes of file names that are no UTF-8."""


def plain(text: str) -> str:
    """One line that can be printed and written anywhere; what cannot becomes a question mark in a diamond."""
    return _UNWRITABLE.sub("\ufffd", _BLANKS.sub(" ", text))


def file_name(label: str) -> str:
    """A label as the name of a file, without suffix: it leads nowhere else, and is no hidden file."""
    letters = (letter if letter.isalnum() or letter in "-_." else "_" for letter in label)
    short = "".join(letters).encode()[:LONGEST_NAME_BYTES].decode(errors="ignore")
    return short.lstrip(".") or "_"


def file_names(labels: Sequence[str]) -> dict[str, str]:
    """A file name for each label, no two the same, whether or not upper case counts."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for label in labels:
        names[label] = unused_name(file_name(label), taken)
    return names


def unused_name(name: str, taken: set[str]) -> str:
    """The name with a number where it is taken; then it is taken too."""
    found, count = name, 1
    while found.lower() in taken:
        count += 1
        found = f"{name}_{count}"
    taken.add(found.lower())
    return found


NTU13_ACTIONS = {
    6: "pick_up",
    7: "throw",
    8: "sit_down",
    9: "stand_up",
    22: "cheer_up",
    23: "hand_waving",
    24: "kicking_something",
    38: "salute",
    80: "squat_down",
    93: "shake_fist",
    99: "run_on_the_spot",
    100: "butt_kicks",
    102: "side_kick",
}
"""Action number in NTU RGB+D's file names -> name, in label order.

Sources: Shahroudy et al. 2016 (arXiv:1604.02808) for 1..60, Liu et al. 2019 (arXiv:1905.04757) for the rest;
the choice of thirteen: Guo et al. 2020 (Action2Motion, arXiv:2007.15240).
"""

HUMANACT12_ACTIONS = (
    "warm_up",
    "walk",
    "run",
    "jump",
    "drink",
    "lift_dumbbell",
    "sit",
    "eat",
    "turn_steering_wheel",
    "phone",
    "boxing",
    "throw",
)
"""In label order (Guo et al. 2020)."""

NUM_UESTC_ACTIONS = 40
"""Their names are in the data set's own `info/action_classes.txt` (Ji et al. 2018, arXiv:1904.10681)."""


@dataclass(frozen=True)
class PublishedLabels:
    """Names and frame rate of one published data set."""

    num_actions: int
    actions: tuple[str, ...] | None
    """In label order; None where they come with the data set alone."""
    fps: float
    """Frames per second; the published code never uses it."""


PUBLISHED_LABELS = {
    "ntu13": PublishedLabels(len(NTU13_ACTIONS), tuple(NTU13_ACTIONS.values()), fps=30.0),
    # Its own publication names no rate; HumanML3D (Guo et al. 2022), by the same authors, plays it at 20.
    "humanact12": PublishedLabels(len(HUMANACT12_ACTIONS), HUMANACT12_ACTIONS, fps=20.0),
    "uestc": PublishedLabels(NUM_UESTC_ACTIONS, None, fps=30.0),
}
"""By the name that ACTOR's code has for the data set. All three are in camera axes, y down."""
