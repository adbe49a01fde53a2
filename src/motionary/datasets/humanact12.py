"""HumanAct12 as ACTOR distributes it: twelve actions, poses and joints of SMPL.

`humanact12poses.pkl` holds lists of poses, joints and labels. Who performed is not in it, so there is no
split by subject: the clips to test on are drawn when it is imported. Source: Guo et al. 2020
(arXiv:2007.15240).
"""

from pathlib import Path

from motionary.body.skeleton import NUM_JOINTS
from motionary.datasets.actions import SplitName
from motionary.datasets.checking import Findings, Problem
from motionary.datasets.published import (
    PublishedClip,
    PublishedSet,
    joints_of,
    lists_of,
    poses_of,
)
from motionary.labels import HUMANACT12_ACTIONS, PUBLISHED_LABELS
from motionary.pickles import numbers, read_data_file

FILE_NAME = "humanact12poses.pkl"
KEYS = ("poses", "joints3D", "y")


def read_humanact12(source: Path | str) -> PublishedSet:
    """Read HumanAct12's published file, or the folder that it is in.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is another one, damaged, or asks to run code.
    """
    stored, path = _stored(source)
    clips = tuple(_clip(stored, index, path) for index in range(len(stored["y"])))

    def indices(split: SplitName, num_frames: int) -> tuple[int, ...]:
        if split == "test":
            raise ValueError("HumanAct12 has no list to test on; import it, which holds out clips.")
        return tuple(range(len(clips)))

    return PublishedSet("humanact12", HUMANACT12_ACTIONS, PUBLISHED_LABELS["humanact12"].fps, clips, indices)


def check_humanact12(source: Path) -> Findings:
    """Look at every motion of the file.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    good: list[tuple[str, str | None]] = []
    try:
        stored, path = _stored(source)
    except ValueError as error:
        return good, [Problem(FILE_NAME, "damaged", str(error))]
    problems = []
    for index in range(len(stored["y"])):
        try:
            good.append((HUMANACT12_ACTIONS[_clip(stored, index, path).label], None))
        except Exception as error:  # whatever a damaged file provokes
            problems.append(Problem(f"{FILE_NAME}, motion {index}", "damaged", str(error)))
    return good, problems


def _stored(source: Path | str) -> tuple[dict, Path]:
    """What the file holds, and where it is."""
    path = Path(source) / FILE_NAME if Path(source).is_dir() else Path(source)
    if not path.is_file():
        raise FileNotFoundError(f"No {FILE_NAME} at {path}: expected the folder `HumanAct12Poses`.")
    stored = read_data_file(path)
    return lists_of(stored, KEYS, f"{path} is no HumanAct12 file"), path


def _clip(stored: dict, index: int, path: Path) -> PublishedClip:
    source = f"{path}, motion {index}"
    try:
        pose, joints = numbers(stored["poses"][index]), numbers(stored["joints3D"][index])
        label = int(numbers(stored["y"][index]))
    except (ValueError, TypeError, OverflowError) as error:
        raise ValueError(f"{source}: {error}.") from None
    pose = poses_of(pose, source)
    if not 0 <= label < len(HUMANACT12_ACTIONS):
        raise ValueError(f"{source}: labels must be 0..{len(HUMANACT12_ACTIONS) - 1}; got {label}.")
    joints = joints_of(joints, len(pose), NUM_JOINTS, source)
    return PublishedClip(name=f"humanact12_{index:04d}", label=label, pose=pose, joints=joints)
