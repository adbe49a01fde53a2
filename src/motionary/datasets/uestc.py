"""UESTC as ACTOR distributes it: forty aerobic exercises seen by two cameras, poses by VIBE.

Sources: Ji et al. 2018 (arXiv:1904.10681) for the recordings, Petrovich et al. 2021 (arXiv:2104.05670) for
the split by subject and the way of the root, Kocabas et al. 2020 (VIBE, arXiv:1912.05656) for the poses.

A video's name is `a{action}_d{view}_p{subject}_c{side}_color.avi`: camera 1 stood in front of the person,
camera 2 `view` eighths of a turn around them; in view 8 it went round.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import pi
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from motionary.datasets.actions import Rejected, SplitName
from motionary.datasets.checking import Findings, Problem
from motionary.datasets.ntu13 import NUM_VIBE_JOINTS
from motionary.datasets.published import (
    ACTION2MOTION_OF_VIBE,
    DATA_PROTOCOLS,
    DataProtocol,
    PublishedClip,
    PublishedSet,
    joints_of,
    lists_of,
    poses_of,
)
from motionary.labels import NUM_UESTC_ACTIONS, PUBLISHED_LABELS
from motionary.pickles import numbers, read_data_file
from motionary.rotations import (
    axis_angle_to_matrix,
    matrix_to_axis_angle,
    matrix_to_quaternion_by_signs,
    quaternion_to_axis_angle,
)

DATA_FILE = "vibe_cache_refined.pkl"
TRANSLATION_FILE = "globtrans_usez.pkl"
KEYS = ("pose", "joints3d", "orig_cam")
FILE_NAME = re.compile(r"a(?P<action>\d+)_d(?P<view>\d+)_p(?P<subject>\d+)_c(?P<side>[12])_color\.avi")
ROUND_VIEW = 8
FOCAL_LENGTH, HALF_PICTURE = 500.0, 270.0
"""Pixels; of the camera that the published code takes the distance with."""

TRAINING_SUBJECTS = frozenset(
    [
        *(1, 2, 6, 12, 13, 16, 21, 24, 28, 29, 30, 31, 33, 35, 39, 41, 42, 45, 47, 50, 52, 54, 55, 57, 59),
        *(61, 63, 64, 67, 69, 70, 71, 73, 77, 81, 84, 86, 87, 88, 90, 91, 93, 96, 99, 102, 103, 104, 107),
        *(108, 112, 113),
    ]
)
"""51 of 118; the others are tested on (Petrovich et al. 2021)."""

View = Literal["all", "frontview"]


@dataclass(frozen=True)
class _Video:
    name: str
    label: int
    view: int
    subject: int
    side: int

    @property
    def went_round(self) -> bool:
        """Whether the camera moved, so that its axes are not known."""
        return self.side == 2 and self.view == ROUND_VIEW

    @property
    def split(self) -> SplitName:
        return "train" if self.subject in TRAINING_SUBJECTS else "test"


def read_uestc(
    folder: Path | str, view: View = "all", protocol: DataProtocol = DATA_PROTOCOLS["motionary"]
) -> PublishedSet:
    """Read UESTC's published folder.

    Clips are in the list's order, the second camera's turned into the first one's axes. Those that it filmed
    going round are as their file has them and of no split.

    Args:
        folder: With vibe_cache_refined.pkl and info/.
        view: frontview leaves the second camera out of both splits.
        protocol: Ours, or the published one.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If a file is none of UESTC's, or asks to run code.
    """
    folder = Path(folder)
    videos = [_video(line, folder) for line in _lines(folder / "info" / "names.txt")]
    actions = tuple(_lines(folder / "info" / "action_classes.txt"))
    if len(actions) != NUM_UESTC_ACTIONS:
        raise ValueError(
            f"{folder}/info/action_classes.txt must name {NUM_UESTC_ACTIONS}; got {len(actions)}."
        )
    stored, least = _stored(folder, len(videos)), _least_frames(folder, len(videos))
    ways = _cached_ways(folder, len(videos)) if protocol.cached_translation else None
    clips = []
    for index, video in enumerate(videos):
        try:
            clip = _clip(video, stored, index, least[index], ways[index] if ways else None, protocol)
        except ValueError as error:
            raise ValueError(f"{folder / DATA_FILE}, {video.name}: {error}") from None
        dropped = video.went_round or (video.side == 2 and view == "frontview")
        clips.append(replace(clip, split=None if dropped else video.split))

    def indices(split: SplitName, num_frames: int) -> tuple[int, ...]:
        fewest = protocol.least_share * num_frames if split == "train" and num_frames > 0 else 0
        return tuple(i for i, clip in enumerate(clips) if clip.split == split and len(clip) >= fewest)

    rejected = tuple(
        Rejected(clip.name, "filmed by the second camera, which went round or is left out")
        for clip in clips
        if clip.split is None
    )
    return PublishedSet("uestc", actions, PUBLISHED_LABELS["uestc"].fps, tuple(clips), indices, rejected)


INFO = ("info/names.txt", "info/action_classes.txt", "info/num_frames_min.txt")


def check_uestc(folder: Path) -> Findings:
    """Look at every file and every video in them.

    Raises:
        FileNotFoundError: If there is none of them.
    """
    missing = [name for name in (DATA_FILE, *INFO) if not (folder / name).is_file()]
    if len(missing) == 1 + len(INFO):
        raise FileNotFoundError(
            f"{folder} holds no {DATA_FILE}: expected the folder `uestc` of ACTOR's data."
        )
    good: list[tuple[str, str | None]] = []
    problems = [Problem(name, "missing", "it is needed") for name in missing]
    if missing:
        return good, problems
    try:
        actions = _lines(folder / "info" / "action_classes.txt")
        videos = [_video(line, folder) for line in _lines(folder / "info" / "names.txt")]
        stored, least = _stored(folder, len(videos)), _least_frames(folder, len(videos))
    except ValueError as error:
        return good, [Problem("", "damaged", str(error))]
    for index, video in enumerate(videos):
        try:
            clip = _clip(video, stored, index, least[index], None, DATA_PROTOCOLS["motionary"])
            good.append((actions[video.label], clip.subject))
        except Exception as error:  # whatever a damaged file provokes
            problems.append(Problem(f"{DATA_FILE}, {video.name}", "damaged", str(error)))
    return good, problems


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise FileNotFoundError(f"No {path}: expected the folder `uestc` of ACTOR's data, with its info/.")
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _video(name: str, folder: Path) -> _Video:
    found = FILE_NAME.fullmatch(name)
    if not found or int(found["action"]) >= NUM_UESTC_ACTIONS:
        raise ValueError(f"{folder}/info/names.txt: expected a#_d#_p###_c#_color.avi; got {name!r}.")
    part = {key: int(value) for key, value in found.groupdict().items()}
    return _Video(
        Path(name).stem.removesuffix("_color"), part["action"], part["view"], part["subject"], part["side"]
    )


def _stored(folder: Path, num_videos: int) -> dict[str, Any]:
    path = folder / DATA_FILE
    stored = read_data_file(path)
    lists = lists_of(stored, KEYS, f"{path} is no file of UESTC's")
    if len(lists["pose"]) != num_videos:
        raise ValueError(
            f"{path}: expected {num_videos} videos, as info/names.txt lists; got {len(lists['pose'])}."
        )
    return lists


def _least_frames(folder: Path, num_videos: int) -> list[int]:
    path = folder / "info" / "num_frames_min.txt"
    lines = _lines(path)
    if len(lines) != num_videos or not all(line.isdecimal() for line in lines):
        raise ValueError(f"{path}: expected a whole number for each of {num_videos} videos.")
    return [int(line) for line in lines]


def _cached_ways(folder: Path, num_videos: int) -> list[Float[ndarray, "T 3"]] | None:
    if not (folder / TRANSLATION_FILE).is_file():
        return None
    ways = read_data_file(folder / TRANSLATION_FILE)
    if not isinstance(ways, list) or len(ways) != num_videos:
        raise ValueError(f"{folder / TRANSLATION_FILE}: expected a list of {num_videos} ways of the root.")
    return [numbers(way) for way in ways]


def _clip(
    video: _Video,
    stored: dict[str, Any],
    index: int,
    least_frames: int,
    way: Float[ndarray, "T 3"] | None,
    protocol: DataProtocol,
) -> PublishedClip:
    pose = poses_of(numbers(stored["pose"][index]), video.name)
    joints = joints_of(numbers(stored["joints3d"][index]), len(pose), NUM_VIBE_JOINTS, video.name)
    camera = numbers(stored["orig_cam"][index])
    if camera.shape != (len(pose), 4) or camera.dtype.kind not in "fiu" or not np.isfinite(camera).all():
        raise ValueError(
            f"{video.name}: orig_cam must be {(len(pose), 4)} finite numbers; got {camera.shape}."
        )
    way = root_way(joints, camera) if way is None else way
    pose, joints, way = (array[: min(least_frames, len(pose))] for array in (pose, joints, way))
    if video.side == 2 and not video.went_round:
        to_axis_angle = _by_signs if protocol.half_turns_by_signs else matrix_to_axis_angle
        pose, joints, way = _turned(-video.view * pi / 4, pose, joints, way, to_axis_angle)
    if not video.went_round:
        joints = joints + way[:, None]
    return PublishedClip(
        name=video.name,
        label=video.label,
        pose=pose,
        joints=joints[:, list(ACTION2MOTION_OF_VIBE)],
        subject=f"p{video.subject:03d}",
    )


def root_way(joints: Float[ndarray, "T 49 3"], camera: Float[ndarray, "T 4"]) -> Float[ndarray, "T 3"]:
    """Where the root is, relative to the first frame, metres, from VIBE's weak perspective.

    Across the picture it is the camera's own translation; the distance is that at which a pinhole camera sees
    the person as large as VIBE's does (Petrovich et al. 2021).

    Args:
        joints: Metres, around the root.
        camera: Scale in x, scale in y, translation in x, translation in y, of the whole picture.
    """
    across = camera[:, 2:]
    in_picture = (camera[:, :1, None] * (joints[:, :, :2] + across[:, None]) + 1) * HALF_PICTURE
    distance = FOCAL_LENGTH * _extent(joints[:, :, :2]) / _extent(in_picture)
    way = np.concatenate([across, distance[:, None]], axis=1)
    return way - way[0]


def _extent(points: Float[ndarray, "T K 2"]) -> Float[ndarray, "T"]:
    """Diagonal of the box around each frame's points."""
    return np.linalg.norm(points.max(1) - points.min(1), axis=1)


def _turned(
    angle_rad: float,
    pose: Float[ndarray, "T 24 3"],
    joints: Float[ndarray, "T K 3"],
    way: Float[ndarray, "T 3"],
    to_axis_angle: Callable[[Tensor], Tensor],
) -> tuple[Float[ndarray, "T 24 3"], Float[ndarray, "T K 3"], Float[ndarray, "T 3"]]:
    """Everything turned about the camera's y axis."""
    R_first_second = axis_angle_to_matrix(torch.tensor([0.0, angle_rad, 0.0]))
    root = R_first_second @ axis_angle_to_matrix(torch.from_numpy(pose[:, 0]))
    pose = pose.copy()
    pose[:, 0] = to_axis_angle(root).numpy()
    turn = R_first_second.numpy().T
    return pose, joints @ turn, way @ turn


def _by_signs(matrix: Float[Tensor, "*B 3 3"]) -> Float[Tensor, "*B 3"]:
    return quaternion_to_axis_angle(matrix_to_quaternion_by_signs(matrix))
