"""NTU13: thirteen actions of NTU RGB+D 120, as Action2Motion and ACTOR distribute them, poses by VIBE.

`ntu_vibe_list.txt` has one path on each line, relative to its folder, to a joblib file of people by number.
Sources: Shahroudy et al. 2016 (arXiv:1604.02808), Liu et al. 2019 (arXiv:1905.04757), Guo et al. 2020
(arXiv:2007.15240), Kocabas et al. 2020 (VIBE, arXiv:1912.05656).
"""

import re
from pathlib import Path

from motionary.datasets.actions import Rejected, SplitName
from motionary.datasets.checking import Findings, Problem
from motionary.datasets.published import (
    ACTION2MOTION_OF_VIBE,
    DATA_PROTOCOLS,
    DataProtocol,
    PublishedClip,
    PublishedSet,
    joints_of,
    poses_of,
)
from motionary.labels import NTU13_ACTIONS, PUBLISHED_LABELS
from motionary.pickles import numbers, read_data_file

LIST_NAME = "ntu_vibe_list.txt"
PERSON = 1
"""The only one of a file's people that is read, as published."""
NUM_VIBE_JOINTS = 49

TRAINING_SUBJECTS = frozenset(
    [
        # Shahroudy et al. 2016, section 4.2.1
        *(1, 2, 4, 5, 8, 9, 13, 14, 15, 16, 17, 18, 19, 25, 27, 28, 31, 34, 35, 38),
        # Liu et al. 2019, section 4.1
        *(45, 46, 47, 49, 50, 52, 53, 54, 55, 56, 57, 58, 59, 70, 74, 78, 80, 81, 82, 83, 84, 85, 86, 89),
        *(91, 92, 93, 94, 95, 97, 98, 100, 103),
    ]
)
"""Of the cross-subject evaluation; everybody else is tested on."""

FILE_NAME = re.compile(r"S\d{3}C\d{3}P(?P<subject>\d{3})R\d{3}A(?P<action>\d{3})")
"""Setup, camera, performer, replication, action."""


def read_ntu13(folder: Path | str, protocol: DataProtocol = DATA_PROTOCOLS["motionary"]) -> PublishedSet:
    """Read NTU13's published folder.

    Files without a first person, which the published code skips, are named in `rejected`.

    Raises:
        FileNotFoundError: If the list or a file on it is missing.
        ValueError: If a file is none of NTU13's, or asks to run code.
    """
    folder = Path(folder)
    if not (folder / LIST_NAME).is_file():
        raise FileNotFoundError(
            f"{folder} holds no {LIST_NAME}: expected the folder `ntu13` of ACTOR's data."
        )
    clips: list[PublishedClip] = []
    rejected: list[Rejected] = []
    for line in (folder / LIST_NAME).read_text(encoding="utf-8").splitlines():
        if relative := line.strip():
            clip = _read_clip(folder, relative)
            if isinstance(clip, Rejected):
                rejected.append(clip)
            else:
                clips.append(clip)
    if not clips:
        raise ValueError(f"None of the {len(rejected)} files on {folder / LIST_NAME} can be used.")

    def indices(split: SplitName, num_frames: int) -> tuple[int, ...]:
        everything = protocol.test_is_train
        return tuple(i for i, clip in enumerate(clips) if everything or clip.split == split)

    labels = PUBLISHED_LABELS["ntu13"]
    return PublishedSet(
        "ntu13", tuple(NTU13_ACTIONS.values()), labels.fps, tuple(clips), indices, tuple(rejected)
    )


def check_ntu13(folder: Path) -> Findings:
    """Look at every file on the list.

    Raises:
        FileNotFoundError: If there is no list.
    """
    if not (folder / LIST_NAME).is_file():
        raise FileNotFoundError(
            f"{folder} holds no {LIST_NAME}: expected the folder `ntu13` of ACTOR's data."
        )
    actions = tuple(NTU13_ACTIONS.values())
    good: list[tuple[str, str | None]] = []
    problems = []
    for line in (folder / LIST_NAME).read_text(encoding="utf-8").splitlines():
        if not (relative := line.strip()):
            continue
        try:
            clip = _read_clip(folder, relative)
        except FileNotFoundError:
            problems.append(Problem(relative, "missing", f"it is on {LIST_NAME}"))
        except Exception as error:  # whatever a damaged file provokes
            problems.append(Problem(relative, "damaged", str(error) or type(error).__name__))
        else:
            if isinstance(clip, Rejected):
                problems.append(Problem(relative, "ignored", clip.reason))
            else:
                good.append((actions[clip.label], clip.subject))
    return good, problems


def _read_clip(folder: Path, relative: str) -> PublishedClip | Rejected:
    path = folder / relative
    found = FILE_NAME.fullmatch(path.stem)
    if not found or int(found["action"]) not in NTU13_ACTIONS:
        known = ", ".join(f"A{number:03d}" for number in NTU13_ACTIONS)
        return Rejected(relative, f"its name must be S...C...P...R...A... with one of the actions {known}")
    people = read_data_file(path)
    if not isinstance(people, dict):
        raise ValueError(f"{path} holds a {type(people).__name__}; expected people by number.")
    if PERSON not in people:
        return Rejected(relative, f"no person {PERSON} was found in it")
    person = people[PERSON]
    if not isinstance(person, dict) or not {"pose", "joints3d"} <= person.keys():
        raise ValueError(f"{path}: expected pose and joints3d of person {PERSON}.")
    try:
        pose, joints = numbers(person["pose"]), numbers(person["joints3d"])
    except ValueError as error:
        raise ValueError(f"{path}: {error}.") from None
    pose = poses_of(pose, str(path))
    joints = joints_of(joints, len(pose), NUM_VIBE_JOINTS, str(path))
    subject = int(found["subject"])
    return PublishedClip(
        name=path.stem,
        label=tuple(NTU13_ACTIONS).index(int(found["action"])),
        pose=pose,
        joints=joints[:, list(ACTION2MOTION_OF_VIBE)],
        subject=f"P{subject:03d}",
        split="train" if subject in TRAINING_SUBJECTS else "test",
    )
